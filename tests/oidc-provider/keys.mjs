// Keys that sign, one an algorithm, and tokens signed with them: rightly, and in every wrong way that was ever believed.

import { createHmac, createPublicKey, randomBytes } from 'node:crypto';

import { jose } from './packages.mjs';

// A private key for `alg` as JWK, with a name that nobody else has.
export async function newKey(alg) {
  const made = await jose.generateKeyPair(alg, { extractable: true });
  const jwk = await jose.exportJWK(made.privateKey);
  return { ...jwk, kid: `${alg}-${randomBytes(6).toString('hex')}`, alg, use: 'sig' };
}

const json = (text) => JSON.parse(Buffer.from(text, 'base64url').toString());
export const headerOf = (token) => json(token.split('.')[0]);
export const claimsOf = (token) => json(token.split('.')[1]);

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

const sign = async (claims, header, jwk) =>
  new jose.SignJWT(claims).setProtectedHeader(header).sign(await jose.importJWK(jwk, header.alg));

function publicPart({ kty, n, e, crv, x, y }) {
  return Object.fromEntries(Object.entries({ kty, n, e, crv, x, y }).filter(([, value]) => value !== undefined));
}

// As a library signs that takes any bytes for a shared secret.
function hs256(claims, kid, secret) {
  const text = `${part({ alg: 'HS256', typ: 'JWT', kid })}.${part(claims)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

const header = (key, more = {}) => ({ alg: key.alg, kid: key.kid, ...more });

export const honest = (claims, key) => sign(claims, header(key), key);

export const dishonest = {
  alg_none: (claims) => `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`,
  alg_none_with_signature: async (claims, key) => {
    const [, , signature] = (await honest(claims, key)).split('.');
    return `${part({ alg: 'nOnE', kid: key.kid })}.${part(claims)}.${signature}`;
  },
  // The published key is no secret: whoever can read it must not be able to sign with it.
  key_confusion: (claims, key) => {
    const pem = createPublicKey({ key: publicPart(key), format: 'jwk' }).export({ type: 'spki', format: 'pem' });
    return hs256(claims, key.kid, pem);
  },
  key_confusion_by_bytes: (claims, key) => hs256(claims, key.kid, Buffer.from(key.n ?? key.x, 'base64url')),
  // A client's secret is known to all that the client's own people can read.
  signed_with_client_secret: (claims, key, secret) => hs256(claims, key.kid, secret ?? ''),
  tampered_payload: async (claims, key) => {
    const [head, , signature] = (await honest(claims, key)).split('.');
    return `${head}.${part({ ...claims, sub: 'somebody-else' })}.${signature}`;
  },
  tampered_signature: async (claims, key) => {
    const [head, payload, signature] = (await honest(claims, key)).split('.');
    const bytes = Buffer.from(signature, 'base64url');
    bytes[bytes.length >> 1] ^= 1;
    return `${head}.${payload}.${bytes.toString('base64url')}`;
  },
  no_signature: async (claims, key) => (await honest(claims, key)).replace(/[^.]*$/, ''),
  unknown_kid: (claims, key) => sign(claims, { alg: key.alg, kid: 'a-key-that-nobody-published' }, key),
  foreign_key: async (claims, key) => sign(claims, header(key), await newKey(key.alg)),
  // The header brings the key that it wants to be checked with.
  own_key: async (claims, key) => {
    const made = await newKey(key.alg);
    return sign(claims, { ...header(key), jwk: publicPart(made) }, made);
  },
  critical_header: (claims, key) => sign(claims, { ...header(key), crit: ['b64'], b64: true }, key),
};
