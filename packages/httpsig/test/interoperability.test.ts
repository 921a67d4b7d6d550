import { createPublicKey, verify as nodeVerify } from 'node:crypto';
import { httpbis } from 'http-message-signatures';
import { describe, expect, it } from 'vitest';
import { type AlgorithmName, type HttpMessage } from '../src/index.js';
import { AUTHORITY, check, get, post, signed, signedAs, signingKey, without } from './support.js';

/**
 * Beside `http-message-signatures`, another implementation of RFC 9421. To it Signature-Key is a field like any other;
 * it reads the clock itself, so these messages are created now.
 */
const now = () => Math.floor(Date.now() / 1000);

const asTheirs = (message: HttpMessage) => ({
  method: message.method,
  url: `https://${AUTHORITY}${message.target}`,
  headers: Object.fromEntries(message.headers),
});

async function theyVerify(message: HttpMessage, algorithm: AlgorithmName): Promise<boolean> {
  const { publicJwk } = await signingKey(algorithm);
  const key = createPublicKey({ key: publicJwk as never, format: 'jwk' });
  const digest = { ed25519: null, 'ecdsa-p256-sha256': 'sha256', 'ecdsa-p384-sha384': 'sha384' };
  const hash = algorithm === 'rsa-pss-sha512' ? 'sha512' : digest[algorithm];
  const options = {
    key,
    dsaEncoding: 'ieee-p1363' as const,
    ...(algorithm === 'rsa-pss-sha512' ? { padding: 6, saltLength: 64 } : {}),
  };
  const verdict = await httpbis.verifyMessage(
    {
      requiredFields: ['@method', '@authority', '@path', 'signature-key'],
      requiredParams: ['created'],
      tolerance: 5,
      keyLookup: async () => ({
        verify: async (data, signature) => nodeVerify(hash, data, options, signature),
      }),
    },
    asTheirs(message),
  );
  return verdict === true;
}

const messages: [string, HttpMessage][] = [
  ['a request without a body', get],
  ['a request with query, body and nonce', post],
  ['a request with a bare question mark', { ...get, target: '/data?' }],
  ['a request with escapes', { ...get, target: '/a%2Fb/%C3%A9?c=%20+&d' }],
];

describe.each(['ed25519', 'ecdsa-p256-sha256', 'ecdsa-p384-sha384', 'rsa-pss-sha512'] as const)(
  'what we sign with %s, they verify:',
  (algorithm) => {
    it.each(messages)('%s', async (_what, message) => {
      const ours = await signed(message, { key: await signingKey(algorithm), created: now() });
      expect(await theyVerify(ours, algorithm)).toBe(true);
      expect(await theyVerify({ ...ours, method: 'PUT' }, algorithm)).toBe(false);
    });
  },
);

describe.each(['ed25519', 'ecdsa-p256-sha256', 'ecdsa-p384-sha384', 'rsa-pss-sha512'] as const)(
  'what they sign with %s, we verify:',
  (algorithm) => {
    it.each(messages)('%s', async (_what, message) => {
      const key = await signingKey(algorithm);
      // Signature-Key and Content-Digest are made by us; what is covered, its base and the signature are theirs.
      const prepared = without(without(await signedAs(message), 'signature'), 'signature-input');
      const query = message.target.includes('?') ? ['@query'] : [];
      const body = message.body === undefined ? [] : ['content-type', 'content-digest', 'nonce'];
      const { headers } = await httpbis.signMessage(
        {
          name: 'sig1',
          key: {
            id: 'key-1',
            alg: algorithm,
            sign: async (data) => Buffer.from(await key.sign(Uint8Array.from(data))),
          },
          fields: ['signature-key', '@method', '@authority', '@path', ...query, ...body],
          params: ['created', 'expires', 'keyid', 'alg'],
        },
        asTheirs(prepared),
      );
      const theirs = { ...prepared, headers: Object.entries(headers as Record<string, string>) };
      const { result } = await check(theirs, { algorithm, now: now() });
      expect(result).toMatchObject({ ok: true, signature: { wire: 'rfc9421' } });
      const changed = { ...theirs, target: `${message.target}x` };
      const { result: refused } = await check(changed, { algorithm, now: now() });
      expect(refused).toMatchObject({ ok: false, failure: { rule: 'signature_invalid' } });
    });
  },
);
