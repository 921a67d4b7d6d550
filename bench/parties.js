import { generatePrivateJwk, signMessage } from '@countersign/httpsig';
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
