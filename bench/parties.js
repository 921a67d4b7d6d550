import {
  generatePrivateJwk,
  HeaderIndex,
  parseSignatureInput,
  parseSignatureValue,
  signatureBase,
  signMessage,
  utf8,
} from '@countersign/httpsig';
import { issueAuthToken, loadKeySet, signingProfile } from '@countersign/protocol';

export const RESOURCE = 'http://127.0.0.1:8102';
export const ISSUER = 'http://127.0.0.1:8103';
export const AGENT = 'http://127.0.0.1:8101';
export const SCOPES = { 'data.read': 'Read your data', 'data.write': 'Change your data' };

export const now = () => Math.floor(Date.now() / 1000);

/** Key sets of the three parties. */
export async function makeKeys() {
  const set = async (kid) => await loadKeySet({ keys: [await generatePrivateJwk({ kid })] });
  return {
    agent: await set('key-1'),
    resource: await set('resource-key-1'),
    issuer: await set('auth-key-1'),
  };
}

/** A discovery that already knows the issuer's key: what a warm cache answers. */
export async function warmDiscovery(keys) {
  const { importVerificationKey } = await import('@countersign/httpsig');
  const key = await importVerificationKey(keys.issuer.current.publicJwk);
  return {
    metadata: () => Promise.reject(new Error('not asked in this measurement')),
    publishedKey: async () => key,
    keyAt: async () => key,
    certificatesAt: () => Promise.reject(new Error('not asked in this measurement')),
  };
}

/** A signed `GET /data-auth` with an auth token, as header lines. */
export async function authorizedRequest(keys) {
  const jwt = await issueAuthToken(keys.issuer.current, {
    issuer: ISSUER,
    audience: RESOURCE,
    agent: AGENT,
    subject: 'testuser',
    scope: Object.keys(SCOPES),
    confirmation: keys.agent.current.publicJwk,
    now: now(),
    tokenId: 'bench',
  });
  const message = { method: 'GET', target: '/data-auth', headers: [] };
  const added = await signMessage(message, {
    profile: signingProfile,
    key: keys.agent.current,
    signatureKey: { scheme: 'jwt', jwt },
    authority: new URL(RESOURCE).host,
    created: now(),
  });
  return { ...message, headers: [['Host', new URL(RESOURCE).host], ...added] };
}

/** The signature, base and public key of an authorized request: what any verifier must at least look at. */
export async function signedBytes(keys) {
  const message = await authorizedRequest(keys);
  const headers = new HeaderIndex(message.headers);
  const input = parseSignatureInput(headers.get('signature-input'));
  const { method, target } = message;
  const source = { method, target, authority: new URL(RESOURCE).host, headers };
  const base = utf8(signatureBase(input.components, input.raw, source, 'rfc9421'));
  const { bytes: signature } = parseSignatureValue(headers.get('signature'));
  const { kid: _kid, ...jwk } = keys.agent.current.publicJwk;
  return { base, signature, jwk };
}

/** One Ed25519 check on the thread pool and nothing else. */
export async function bareVerification(keys) {
  const { createPublicKey, verify } = await import('node:crypto');
  const { base, signature, jwk } = await signedBytes(keys);
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return () =>
    new Promise((resolve) => {
      verify(null, base, key, signature, (error, valid) => resolve(error === null && valid));
    });
}

/** One Ed25519 check on the main thread and nothing else. */
export async function bareVerificationHere(keys) {
  const { createPublicKey, verify } = await import('node:crypto');
  const { base, signature, jwk } = await signedBytes(keys);
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return () => verify(null, base, key, signature);
}

/** The same by WebCrypto. */
export async function bareWebCrypto(keys) {
  const { base, signature, jwk } = await signedBytes(keys);
  const key = await crypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['verify']);
  return () => crypto.subtle.verify('Ed25519', key, signature, base);
}
