import { createPublicKey, verify as nodeVerify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type HttpMessage,
  parsePublicJwk,
  parseSignatureInput,
  parseSignatureValue,
  signMessage,
  type SignOptions,
  utf8,
  type Wire,
} from '../src/index.js';
import {
  AUTHORITY,
  get,
  header,
  jwksKey,
  NOW,
  plus,
  post,
  profile,
  signed,
  signingKey,
  testKeys,
  without,
} from './support.js';

const components = (message: HttpMessage) =>
  parseSignatureInput(header(message, 'signature-input')).components;

async function lines(message: HttpMessage, options: Partial<SignOptions> = {}) {
  return await signMessage(message, {
    profile,
    key: await signingKey(),
    signatureKey: jwksKey,
    authority: AUTHORITY,
    created: NOW,
    ...options,
  });
}

/** The Ed25519 check of `node:crypto`, with the signature read by `Buffer`: nothing of the package. */
function verifies(message: HttpMessage, base: string): boolean {
  const { kty, crv, x } = testKeys.ed25519;
  const key = createPublicKey({ key: { kty, crv, x } as never, format: 'jwk' });
  const value = /^sig1=:(.*):$/.exec(header(message, 'signature'))?.[1] ?? '';
  return nodeVerify(null, utf8(base), key, Buffer.from(value, 'base64'));
}

const DIGEST = 'sha-256=:CW7FA5F96vojXfSVusY0BRqx0pp62qlaJD5JZaFxBKc=:';
const KEY = 'sig1=(scheme=jwks id="https://agent.example" kid="key-1" well-known="aauth-agent")';

describe('signing adds', () => {
  it('the three signature fields to a request without a body', async () => {
    expect((await lines(get)).map(([name]) => name)).toEqual([
      'Signature-Key',
      'Signature-Input',
      'Signature',
    ]);
  });

  it('a Content-Digest as well when there is a body', async () => {
    const [digest, ...rest] = await lines(post);
    expect(digest?.[0]).toBe('Content-Digest');
    expect(rest).toHaveLength(3);
  });

  it('no Content-Digest for a body of no bytes', async () => {
    const message = await signed({ ...get, body: new Uint8Array() });
    expect(components(message)).toEqual(['@method', '@authority', '@path', 'signature-key']);
    expect(() => header(message, 'content-digest')).toThrow();
  });

  it('the Signature-Key that says how the key is found', async () => {
    const { jwk } = parsePublicJwk(testKeys.ed25519);
    expect(header(await signed(get), 'signature-key')).toBe(KEY);
    expect(
      header(await signed(get, { signatureKey: { scheme: 'hwk', jwk } }), 'signature-key'),
    ).toBe(`sig1=(scheme=hwk kty="OKP" crv="Ed25519" x="${testKeys.ed25519.x}")`);
  });

  it('the label of the profile to all three', async () => {
    const message = await signed(get, { profile: { ...profile, label: 'other' } });
    for (const name of ['signature', 'signature-input', 'signature-key']) {
      expect(header(message, name)).toMatch(/^other=/);
    }
  });
});

describe('signing covers', () => {
  it.each<[string, HttpMessage, string[]]>([
    ['a plain request', get, ['@method', '@authority', '@path', 'signature-key']],
    [
      'a query',
      { ...get, target: '/data?a=b' },
      ['@method', '@authority', '@path', '@query', 'signature-key'],
    ],
    [
      'a bare question mark',
      { ...get, target: '/data?' },
      ['@method', '@authority', '@path', '@query', 'signature-key'],
    ],
    [
      'a body',
      { ...without(post, 'nonce'), target: '/' },
      ['@method', '@authority', '@path', 'content-type', 'content-digest', 'signature-key'],
    ],
    [
      'a nonce',
      plus(get, 'nonce', 'abc'),
      ['@method', '@authority', '@path', 'nonce', 'signature-key'],
    ],
    [
      'all of these',
      post,
      [
        '@method',
        '@authority',
        '@path',
        '@query',
        'content-type',
        'content-digest',
        'nonce',
        'signature-key',
      ],
    ],
    [
      'a Content-Type without a body not at all',
      plus(get, 'Content-Type', 'text/plain'),
      ['@method', '@authority', '@path', 'signature-key'],
    ],
  ])('%s', async (_what, message, expected) => {
    expect(components(await signed(message))).toEqual(expected);
  });

  it('created, and no other parameter', async () => {
    const { raw } = parseSignatureInput(header(await signed(get), 'signature-input'));
    expect(raw).toBe(`("@method" "@authority" "@path" "signature-key");created=${NOW}`);
  });
});

describe('what is signed', () => {
  const base = [
    '"@method": POST',
    '"@authority": api.example',
    '"@path": /orders/7',
    '"@query": ?dry-run=1&note=a%20b',
    '"content-type": application/json',
    `"content-digest": ${DIGEST}`,
    '"nonce": q83vEjRWeJCrze8S',
    `"signature-key": ${KEY}`,
  ];
  const params =
    '"@signature-params": ("@method" "@authority" "@path" "@query" "content-type" "content-digest" "nonce" "signature-key");created=1768786030';

  it('under rfc9421 and 2026-02 is the signature base of RFC 9421', async () => {
    for (const wire of ['rfc9421', '2026-02'] as Wire[]) {
      const message = await signed(post, { wire });
      expect(header(message, 'content-digest')).toBe(DIGEST);
      expect(verifies(message, [...base, params].join('\n'))).toBe(true);
      expect(verifies(message, [...base, params, ''].join('\n'))).toBe(false);
    }
  });

  it('under 2026-01 ends in a line feed, has no last line and no question mark', async () => {
    const message = await signed(post, { wire: '2026-01' });
    const older = base.map((line) => line.replace('"@query": ?', '"@query": '));
    expect(verifies(message, `${older.join('\n')}\n`)).toBe(true);
    expect(verifies(message, older.join('\n'))).toBe(false);
    expect(verifies(message, [...base, params].join('\n'))).toBe(false);
  });

  it('is the path as it is sent, never decoded or resolved', async () => {
    const message = await signed({ ...get, target: '/a/../%2e/%41//b' });
    const lines = ['"@method": GET', '"@authority": api.example', '"@path": /a/../%2e/%41//b'];
    const params = `("@method" "@authority" "@path" "signature-key");created=${NOW}`;
    lines.push(`"signature-key": ${KEY}`, `"@signature-params": ${params}`);
    expect(verifies(message, lines.join('\n'))).toBe(true);
  });

  it('is the same bytes each time with Ed25519', async () => {
    expect(header(await signed(post), 'signature')).toBe(header(await signed(post), 'signature'));
  });

  it('is given to the key once, so that the key may live elsewhere', async () => {
    const key = await signingKey();
    const seen: string[] = [];
    await signed(get, {
      key: {
        ...key,
        sign: (data) => {
          seen.push(new TextDecoder().decode(data));
          return key.sign(data);
        },
      },
    });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatch(/^"@method": GET\n.*;created=1768786030$/s);
  });
});

describe('the signature is spelt', () => {
  it.each<[Wire | undefined, RegExp]>([
    [undefined, /^sig1=:[A-Za-z0-9+/]{86}==:$/],
    ['rfc9421', /^sig1=:[A-Za-z0-9+/]{86}==:$/],
    ['2026-02', /^sig1=:[A-Za-z0-9_-]{86}:$/],
    ['2026-01', /^sig1=:[A-Za-z0-9_-]{86}:$/],
  ])('as the wire %s spells it', async (wire, pattern) => {
    const message = await signed(get, wire === undefined ? {} : { wire });
    expect(header(message, 'signature')).toMatch(pattern);
    const { bytes } = parseSignatureValue(header(message, 'signature'));
    expect(bytes).toHaveLength(64);
  });
});

describe('signing', () => {
  it('ignores signature fields that are already on the message, whatever they hold', async () => {
    const stale = await signed(post, { created: NOW - 1000 });
    expect(await lines(stale)).toEqual(await lines(post));
    expect(await lines(plus(post, 'SIGNATURE-KEY', 'é'))).toEqual(await lines(post));
    expect(await lines(plus(post, 'content-digest', 'sha-256=:AA==:'))).toEqual(await lines(post));
  });

  it('does not change the message', async () => {
    const message = structuredClone(post);
    await lines(message);
    expect(message).toEqual(post);
  });

  it('refuses a body without a Content-Type', async () => {
    await expect(lines(without(post, 'content-type'))).rejects.toMatchObject({
      rule: 'component_unexpected',
    });
  });

  it.each<[string, HttpMessage]>([
    ['a Content-Type', { ...post, headers: [['Content-Type', 'text/é']] }],
    ['a Nonce', plus(get, 'Nonce', 'a\u0000b')],
    ['a Nonce that would add a line to the signature base', plus(get, 'Nonce', 'a\n"x": y')],
    ['a path', { ...get, target: '/é' }],
    ['a path that would add a line to the signature base', { ...get, target: '/\n"x": y' }],
    ['a query', { ...get, target: '/?é' }],
    ['a method', { ...get, method: 'GÉT' }],
  ])('refuses %s with characters that cannot be signed', async (_what, message) => {
    await expect(lines(message)).rejects.toMatchObject({ rule: 'component_invalid' });
  });

  it.each([1.5, NaN, Infinity, -1, 1e17])('refuses created of %d', async (created) => {
    await expect(lines(get, { created })).rejects.toBeInstanceOf(TypeError);
  });

  it('refuses a Signature-Key value that the field cannot carry', async () => {
    await expect(
      lines(get, { signatureKey: { ...jwksKey, kid: 'a\r\nb' } as typeof jwksKey }),
    ).rejects.toBeInstanceOf(TypeError);
  });
});
