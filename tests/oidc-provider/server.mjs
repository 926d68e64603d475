// OpenID providers for tests, as many as are asked for, each at a port of its own on this machine.
//
//     HALLPASS_TEST_OIDC_PROVIDER=folder node server.mjs
//
// prints {"port": …}, where JSON by HTTP makes and controls them:
//
//     POST /issuers                 its options (issuer.mjs)      → {"id": …, "issuer": "http://127.0.0.1:…"}
//     POST /issuers/<id>/clients    a client's metadata, as OpenID Connect registers it
//     POST /issuers/<id>/accounts   {"login": …, "sub": …, and claims}; the same login again replaces it
//     POST /issuers/<id>/faults     {"name": …, "times": 1, "seconds": 30}: what goes wrong next (faults.mjs)
//     POST /issuers/<id>/forgive    nothing goes wrong any more
//     POST /issuers/<id>/rotate     {"keep": false}: signs with a new key; whether the old one stays published
//     POST /issuers/<id>/down, up   hangs up on everybody, and no longer does
//     GET  /issuers/<id>/seen       {"requests": ["POST /token", …], "struck": ["wrong_nonce", …]}
//     POST /issuers/<id>/end
//
// It ends when its standard input does, so that it never outlives the test that started it.

import { createServer } from 'node:http';

import { Issuer } from './issuer.mjs';

const issuers = new Map();

const actions = {
  clients: (issuer, body) => issuer.addClient(body),
  accounts: (issuer, body) => issuer.addAccount(body),
  faults: (issuer, body) => issuer.faults.add(body),
  forgive: (issuer) => issuer.faults.clear(),
  rotate: (issuer, body) => issuer.rotate(body),
  down: (issuer) => issuer.setDown(true),
  up: (issuer) => issuer.setDown(false),
  seen: (issuer) => ({ requests: issuer.requests, struck: issuer.faults.struck }),
  end: (issuer) => {
    issuers.delete(issuer.id);
    issuer.end();
  },
};

async function answer(path, body) {
  const [, room, id, action] = path.split('/');
  if (room !== 'issuers') throw new Error(`no such place: ${path}`);
  if (id === undefined) {
    const issuer = await Issuer.start(body);
    issuer.id = String(issuer.port);
    issuers.set(issuer.id, issuer);
    return { id: issuer.id, issuer: issuer.url };
  }
  const issuer = issuers.get(id);
  if (!issuer || !Object.hasOwn(actions, action)) throw new Error(`no such place: ${path}`);
  return (await actions[action](issuer, body)) ?? {};
}

const control = createServer(async (request, response) => {
  let text = '';
  for await (const chunk of request) text += chunk;
  let status = 200;
  let said;
  try {
    said = await answer(request.url, text === '' ? {} : JSON.parse(text));
  } catch (error) {
    status = 400;
    said = { error: String(error.stack ?? error) };
  }
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(said));
});

control.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: control.address().port })));

process.stdin.resume();
process.stdin.on('close', () => process.exit(0));
