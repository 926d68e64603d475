// One OpenID provider: oidc-provider with accounts and clients in memory.
//
// Options: {"host": "127.0.0.1", "alg": "RS256", "pkce": true (required), "consent": false (a page with a button),
// "callback_issuer": true (RFC 9207), "token_auth_methods": [...], "claims_in_id_token": false, "refresh": false (a refresh
// token without offline_access, too), "access_token_seconds": 3600, "clients": [...], "accounts": [...]}

import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

import { Faults } from './faults.mjs';
import { headerOf, newKey } from './keys.mjs';
import { Provider } from './packages.mjs';
import { granted, interaction } from './pages.mjs';
import { storage } from './storage.mjs';

const CLAIMS = {
  openid: ['sub'],
  email: ['email', 'email_verified'],
  profile: ['name', 'given_name', 'family_name', 'preferred_username', 'picture'],
  phone: ['phone_number', 'phone_number_verified'],
};

export class Issuer {
  accounts = new Map();

  clients = new Map();

  faults = new Faults();

  requests = [];

  keys = [];

  #secret = randomBytes(32).toString('hex');

  #sockets = new Set();

  #down = false;

  static async start(options) {
    const issuer = new Issuer();
    await issuer.#open(options);
    return issuer;
  }

  async #open(options) {
    this.options = { host: '127.0.0.1', alg: 'RS256', ...options };
    this.storage = storage();
    this.server = createServer((request, response) => this.#answer(request, response));
    this.server.on('connection', (socket) => {
      if (this.#down) return socket.destroy();
      this.#sockets.add(socket);
      return socket.on('close', () => this.#sockets.delete(socket));
    });
    await new Promise((go) => {
      this.server.listen(0, '127.0.0.1', go);
    });
    this.port = this.server.address().port;
    this.url = `http://${this.options.host}:${this.port}`;
    for (const it of this.options.accounts ?? []) this.addAccount(it);
    await this.rotate({});
    for (const it of this.options.clients ?? []) await this.addClient(it);
  }

  addAccount(account) {
    if (!account.login) throw new Error('an account without a login');
    this.accounts.set(account.login, { sub: account.login, ...account });
  }

  async addClient(client) {
    const all = {
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      id_token_signed_response_alg: this.options.alg,
      ...client,
    };
    this.clients.set(all.client_id, all);
    const Clients = this.storage;
    await new Clients('Client').upsert(all.client_id, all);
    // Unusable metadata shows here, with its reason, and not in the middle of a story.
    await this.provider.Client.find(all.client_id);
  }

  // oidc-provider takes its keys when it is made: another one on the same storage takes its place.
  async rotate({ keep = false }) {
    const made = await newKey(this.options.alg);
    this.keys = keep ? [made, ...this.keys] : [made];
    this.provider = this.#provider();
    this.handle = this.provider.callback();
  }

  // The key that this token names.
  keyOf(token) {
    const { kid } = headerOf(token);
    return this.keys.find((key) => key.kid === kid);
  }

  setDown(down) {
    this.#down = down;
    if (down) for (const socket of this.#sockets) socket.destroy();
  }

  end() {
    this.setDown(true);
    this.server.close();
  }

  async #answer(request, response) {
    const path = request.url.split('?')[0];
    this.requests.push(`${request.method} ${path}`);
    try {
      if (await this.faults.onTheWire(path, request, response)) return;
      if (path.startsWith('/interaction/')) await interaction(this, request, response);
      else if (path === '/profile') await this.#profile(request, response);
      else await this.handle(request, response);
    } catch (error) {
      if (!response.headersSent) response.writeHead(500);
      response.end(String(error.stack ?? error));
    }
  }

  // As a provider of plain OAuth 2 answers, one that knows nothing of OpenID.
  async #profile(request, response) {
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const found = token && (await this.provider.AccessToken.find(token));
    const account = found && this.#bySub(found.accountId);
    response.writeHead(account ? 200 : 401, { 'content-type': 'application/json' });
    if (!account) return response.end('{"error":"invalid_token"}');
    const { sub, login, email, email_verified, name } = account;
    return response.end(JSON.stringify({ id: sub, login, email, email_verified, name }));
  }

  #bySub(sub) {
    return [...this.accounts.values()].find((it) => it.sub === sub);
  }

  // What leaves for the client: in the address, or in the fields of a form.
  #onTheReturn(ctx) {
    const changed = (params) => {
      if (this.options.callback_issuer === false) params.delete('iss');
      this.faults.onTheReturn(params);
    };
    const location = ctx.response.get('location');
    if (location) {
      const url = new URL(location, this.url);
      if (url.origin === this.url || !(url.searchParams.has('code') || url.searchParams.has('error'))) return;
      changed(url.searchParams);
      ctx.set('location', url.href);
      return;
    }
    if (typeof ctx.body !== 'string') return;
    const field = /<input type="hidden" name="([a-z_]+)" value="([^"]*)"\/>\n?/g;
    const before = [...ctx.body.matchAll(field)];
    if (!before.some(([, name]) => name === 'code' || name === 'error')) return;
    const params = new URLSearchParams(before.map(([, name, value]) => [name, value]));
    changed(params);
    const fields = [...params].map(([name, value]) => `<input type="hidden" name="${name}" value="${value}"/>`);
    ctx.body = ctx.body.replace(field, '').replace(/(<form [^>]*>)/, (form) => `${form}${fields.join('\n')}`);
  }

  #provider() {
    const { options } = this;
    const provider = new Provider(this.url, {
      adapter: this.storage,
      jwks: { keys: this.keys },
      // Browsers know cookies by host alone, and there may be several of us at this one.
      cookies: {
        keys: [this.#secret],
        names: {
          interaction: `op${this.port}_interaction`,
          resume: `op${this.port}_resume`,
          session: `op${this.port}_session`,
        },
      },
      claims: CLAIMS,
      scopes: ['openid', 'offline_access'],
      conformIdTokenClaims: options.claims_in_id_token !== true,
      clientAuthMethods: options.token_auth_methods ?? ['client_secret_basic', 'client_secret_post', 'none'],
      enabledJWA: { idTokenSigningAlgValues: [options.alg], userinfoSigningAlgValues: [options.alg] },
      responseTypes: ['code'],
      pkce: { required: () => options.pkce !== false },
      features: {
        devInteractions: { enabled: false },
        introspection: { enabled: true },
        jwtUserinfo: { enabled: true },
        revocation: { enabled: true },
        rpInitiatedLogout: { enabled: false },
      },
      findAccount: (_, sub) => {
        const account = this.#bySub(sub);
        const { login, ...claims } = account ?? {};
        return account && { accountId: sub, claims: () => claims };
      },
      interactions: { url: (_, it) => `/interaction/${it.uid}` },
      issueRefreshToken: (_, client, code) =>
        client.grantTypeAllowed('refresh_token') && (options.refresh === true || code.scopes.has('offline_access')),
      loadExistingGrant: async (ctx) => {
        const { oidc } = ctx;
        const known = oidc.result?.consent?.grantId ?? oidc.session.grantIdFor(oidc.client.clientId);
        if (known || options.consent === true) return known && provider.Grant.find(known);
        const id = await granted(provider, oidc.client.clientId, oidc.session.accountId, oidc.params);
        return provider.Grant.find(id);
      },
      renderError: (ctx, out) => {
        ctx.type = 'text';
        ctx.body = `${out.error}: ${out.error_description}`;
      },
      ttl: {
        AccessToken: options.access_token_seconds ?? 3600,
        AuthorizationCode: 60,
        Grant: 86_400,
        IdToken: 3600,
        Interaction: 3600,
        RefreshToken: 86_400,
        Session: 86_400,
      },
    });
    provider.use(async (ctx, next) => {
      await next();
      if (ctx.oidc?.route === 'discovery' && options.callback_issuer === false) {
        delete ctx.body.authorization_response_iss_parameter_supported;
      }
      await this.faults.afterwards(ctx, this);
      this.#onTheReturn(ctx);
    });
    return provider;
  }
}
