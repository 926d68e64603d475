// What a provider can do wrong. A fault strikes the next request that it can strike, as many `times` as it was asked
// for, and is noted in `struck`: a test that sees a refusal can tell that it was this one.
//
// In the id token: the names in CLAIMS, and those of `dishonest` in keys.mjs.
// In the token endpoint's answer: the names in ANSWERS. In userinfo: those in PEOPLE. In the discovery document: those
// in DOCUMENTS. On the way back to the client: those in RETURNS.
// On the wire: a place and a way, `token_slow`, `userinfo_down`: PLACES and WAYS.

import { claimsOf, dishonest, honest } from './keys.mjs';

const now = () => Math.floor(Date.now() / 1000);
const without = (name) => (claims) => {
  const { [name]: _, ...rest } = claims;
  return rest;
};
const withIt = (more) => (claims) => ({ ...claims, ...(typeof more === 'function' ? more(claims) : more) });

const CLAIMS = {
  wrong_nonce: withIt({ nonce: 'the-nonce-of-another-sign-in' }),
  no_nonce: without('nonce'),
  wrong_issuer: withIt({ iss: 'https://another.example' }),
  issuer_with_slash: withIt((claims) => ({ iss: `${claims.iss}/` })),
  no_issuer: without('iss'),
  wrong_audience: withIt({ aud: 'another-client' }),
  no_audience: without('aud'),
  several_audiences: withIt((claims) => ({ aud: [claims.aud, 'another-client'] })),
  foreign_azp: withIt({ azp: 'another-client' }),
  several_audiences_foreign_azp: withIt((claims) => ({ aud: [claims.aud, 'another-client'], azp: 'another-client' })),
  // Allowed by OpenID Connect Core 3.1.3.7.
  several_audiences_own_azp: withIt((claims) => ({ aud: [claims.aud, 'another-client'], azp: claims.aud })),
  expired: withIt(() => ({ iat: now() - 7200, exp: now() - 3600 })),
  no_expiry: without('exp'),
  from_the_future: withIt(() => ({ iat: now() + 3600, exp: now() + 7200 })),
  not_yet: withIt(() => ({ nbf: now() + 3600 })),
  wrong_at_hash: withIt({ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }),
  no_sub: without('sub'),
  empty_sub: withIt({ sub: '' }),
  null_sub: withIt({ sub: null }),
  long_sub: withIt({ sub: 'x'.repeat(300) }),
};

const ANSWERS = {
  no_id_token: without('id_token'),
  empty_id_token: withIt({ id_token: '' }),
  no_access_token: without('access_token'),
  huge_id_token: withIt((answer) => ({ id_token: `${answer.id_token}${'A'.repeat(200_000)}` })),
  error_in_200: () => ({ error: 'invalid_grant', error_description: '<b>no</b>\u001b[31m' }),
  list_answer: () => [1, 2, 3],
  deep_answer: (answer) => ({ ...answer, more: JSON.parse('['.repeat(2000) + ']'.repeat(2000)) }),
};

const PEOPLE = {
  userinfo_other_sub: withIt({ sub: 'somebody-else' }),
  userinfo_no_sub: without('sub'),
  userinfo_list: () => [1, 2, 3],
};

const DOCUMENTS = {
  discovery_other_issuer: withIt({ issuer: 'https://another.example' }),
  discovery_no_issuer: without('issuer'),
  discovery_no_jwks: without('jwks_uri'),
  // Where the metadata of a cloud's machine is.
  discovery_inner_token_endpoint: withIt({ token_endpoint: 'http://169.254.169.254/latest/meta-data/' }),
  discovery_file_token_endpoint: withIt({ token_endpoint: 'file:///etc/passwd' }),
};

// What is in the callback's parameters, to change in place.
const RETURNS = {
  callback_other_issuer: (params) => params.set('iss', 'https://another.example'),
  callback_no_issuer: (params) => params.delete('iss'),
  callback_other_state: (params) => params.set('state', 'the-state-of-another'),
  callback_no_state: (params) => params.delete('state'),
  callback_no_code: (params) => params.delete('code'),
  callback_wrong_code: (params) => params.set('code', 'a-code-that-nobody-gave'),
};

export const PLACES = {
  discovery: '/.well-known/openid-configuration',
  jwks: '/jwks',
  authorization: '/auth',
  token: '/token',
  userinfo: '/me',
  profile: '/profile',
};

const WAYS = {
  down: (_, response) => response.writeHead(503).end('down for a while'),
  error: (_, response) => response.writeHead(500).end('<h1>Oops</h1>'),
  refused: (_, response) => response.writeHead(401).end('{"error":"invalid_client"}'),
  hang_up: (request) => request.socket.destroy(),
  // Answers in the end, as it would have at once.
  slow: (_, response, fault) => new Promise((go) => {
    const timer = setTimeout(() => go('go on'), fault.seconds * 1000);
    response.on('close', () => {
      clearTimeout(timer);
      go();
    });
  }),
  endless: (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = () => {
      while (!response.destroyed && response.write(' '.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  },
  // A byte now and then, so that nobody's patience between two bytes ends.
  dripping: (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), 200);
    response.on('close', () => clearInterval(timer));
  },
  redirect: (request, response) =>
    response.writeHead(307, { location: `http://${request.headers.host}/elsewhere` }).end(),
  redirect_inside: (_, response) =>
    response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end(),
  garbage: (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{"access_token": "at'),
  html: (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Sign in to the hotel</h1>'),
  empty: (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(),
  not_utf8: (_, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(Buffer.from([0x7b, 0xff, 0xfe, 0x7d])),
};

const WIRE = new Map(
  Object.keys(PLACES).flatMap((place) => Object.keys(WAYS).map((way) => [`${place}_${way}`, { place, way }])),
);

const known = (name) =>
  [CLAIMS, dishonest, ANSWERS, PEOPLE, DOCUMENTS, RETURNS].some((it) => Object.hasOwn(it, name)) || WIRE.has(name);

export class Faults {
  waiting = [];

  struck = [];

  add({ name, times = 1, seconds = 30 }) {
    if (!known(name)) throw new Error(`no such fault: ${name}`);
    this.waiting.push({ name, times, seconds });
  }

  clear() {
    this.waiting = [];
  }

  // The first fault that waits for this, spent by one.
  take(fits) {
    const fault = this.waiting.find((it) => fits(it.name));
    if (!fault) return undefined;
    fault.times -= 1;
    if (fault.times <= 0) this.waiting.splice(this.waiting.indexOf(fault), 1);
    this.struck.push(fault.name);
    return fault;
  }

  takeOf(table) {
    const fault = this.take((name) => Object.hasOwn(table, name));
    return fault && table[fault.name];
  }

  // Before the provider sees a request; whether that was all.
  async onTheWire(path, request, response) {
    const fault = this.take((name) => WIRE.has(name) && PLACES[WIRE.get(name).place] === path);
    if (!fault) return false;
    return (await WAYS[WIRE.get(fault.name).way](request, response, fault)) !== 'go on';
  }

  // After it answered.
  async afterwards(ctx, issuer) {
    switch (ctx.oidc?.route) {
      case 'token':
        if (ctx.status === 200) await this.#token(ctx, issuer);
        break;
      case 'userinfo': {
        const change = ctx.status === 200 && this.takeOf(PEOPLE);
        if (change) ctx.body = change(ctx.body);
        break;
      }
      case 'discovery': {
        const change = this.takeOf(DOCUMENTS);
        if (change) ctx.body = change(ctx.body);
        break;
      }
      default:
        break;
    }
  }

  async #token(ctx, issuer) {
    const { id_token: token } = ctx.body;
    if (token) {
      const change = this.takeOf(CLAIMS);
      const signed = this.takeOf(dishonest);
      if (change || signed) {
        const claims = (change ?? ((it) => it))(claimsOf(token));
        const secret = ctx.oidc.client.clientSecret;
        ctx.body = { ...ctx.body, id_token: await (signed ?? honest)(claims, issuer.keyOf(token), secret) };
      }
    }
    const change = this.takeOf(ANSWERS);
    if (change) ctx.body = change(ctx.body);
  }

  // On the way back with these parameters.
  onTheReturn(params) {
    this.takeOf(RETURNS)?.(params);
  }
}
