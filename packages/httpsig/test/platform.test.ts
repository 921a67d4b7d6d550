import { constants, createPrivateKey, sign as nodeSign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  ALGORITHM_NAMES,
  type Bytes,
  encodeBase64Url,
  importVerificationKey,
  parsePublicJwk,
  parseSignatureValue,
  type PrivateJwk,
  type PublicJwk,
  type SignatureAlgorithm,
  utf8,
  type VerificationKey,
} from '../src/index.js';
import * as nodePlatform from '../src/platform/node.js';
import * as portablePlatform from '../src/platform/portable.js';
import { sodiumVerifier } from '../src/sodium.js';
import { L } from './edwards.js';
import { signingKey, testKeys, vectors } from './support.js';

/** What `#platform` promises, whatever a handle is. */
interface Platform {
  importPublicKey(jwk: PublicJwk, algorithm: SignatureAlgorithm): Promise<unknown>;
  verifySignature(
    key: unknown,
    algorithm: SignatureAlgorithm,
    signature: Bytes,
    data: Bytes,
    here?: () => boolean,
  ): Promise<boolean>;
  sha256(data: Uint8Array): Promise<Bytes>;
  sha512(data: Uint8Array): Promise<Bytes>;
}

const verifyBySodium = sodiumVerifier();

/** Node's, with libsodium for the checks that it can make. */
const withSodium: Platform = {
  ...(nodePlatform as Platform),
  importPublicKey: importVerificationKey,
  verifySignature: async (key, _algorithm, signature, data, here) =>
    here === undefined
      ? await verifyBySodium(key as VerificationKey, signature, data)
      : await (key as VerificationKey).verify(signature, data, here),
};

const platforms: [string, Platform][] = [
  ['node', nodePlatform as Platform],
  ['node, with libsodium', withSodium],
  ['portable', portablePlatform as Platform],
];

const DATA = utf8('"@signature-params": ()');
const number = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const bigEndian = (value: bigint, length: number): Bytes =>
  Uint8Array.from(Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex'));

/** The fields and curve constants of FIPS 186-4 that the tests below need. */
const P256 = {
  p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
  b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
};

/** A point of P-256 whose x is small enough to be spelt a second time as x + p in 32 bytes. */
function pointWithSmallX(): { x: bigint; y: bigint } {
  const { p, b } = P256;
  const power = (base: bigint, exponent: bigint): bigint => {
    let result = 1n;
    for (let square = base % p, rest = exponent; rest > 0n; rest >>= 1n) {
      if ((rest & 1n) === 1n) result = (result * square) % p;
      square = (square * square) % p;
    }
    return result;
  };
  for (let x = 1n; ; x++) {
    const right = (x ** 3n + (p - 3n) * x + b) % p;
    const y = power(right, (p + 1n) / 4n);
    if ((y * y) % p === right) return { x, y };
  }
}

describe.each(platforms)('on the platform: %s', (_platform, platform) => {
  const load = async (jwk: unknown) => {
    const { jwk: read, algorithm } = parsePublicJwk(jwk);
    const handle = await platform.importPublicKey(read, algorithm);
    return (signature: Bytes, data: Bytes) =>
      platform.verifySignature(handle, algorithm, signature, data);
  };

  describe.each(ALGORITHM_NAMES)('%s', (name) => {
    it('verifies a signature over its data and over nothing else', async () => {
      const signature = await (await signingKey(name)).sign(DATA);
      const verify = await load(testKeys[name]);
      expect(await verify(signature, DATA)).toBe(true);
      expect(await verify(signature, utf8('"@signature-params": ( )'))).toBe(false);
      expect(await verify(signature, new Uint8Array())).toBe(false);
    });

    it('takes a signature of any other length or content for false, never for an error', async () => {
      const signature = await (await signingKey(name)).sign(DATA);
      const verify = await load(testKeys[name]);
      const { length } = signature;
      for (const cut of [0, 1, 31, 32, length / 2, length - 1]) {
        expect(await verify(signature.slice(0, cut), DATA)).toBe(false);
      }
      expect(await verify(Uint8Array.of(...signature, 0), DATA)).toBe(false);
      expect(await verify(Uint8Array.of(0, ...signature), DATA)).toBe(false);
      expect(await verify(Uint8Array.of(...signature, ...signature), DATA)).toBe(false);
      expect(await verify(new Uint8Array(length), DATA)).toBe(false);
      expect(await verify(new Uint8Array(length).fill(255), DATA)).toBe(false);
    });

    it('refuses a signature with any one byte changed', async () => {
      const signature = await (await signingKey(name)).sign(DATA);
      const verify = await load(testKeys[name]);
      for (let at = 0; at < signature.length; at += name === 'rsa-pss-sha512' ? 37 : 5) {
        const flipped = Uint8Array.from(signature);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
        expect(await verify(flipped, DATA)).toBe(false);
      }
    });
  });

  it('gives each of many checks at once its own verdict, of whatever algorithm', async () => {
    const all = await Promise.all(
      ALGORITHM_NAMES.map(async (name) => ({
        verify: await load(testKeys[name]),
        signature: await (await signingKey(name)).sign(DATA),
      })),
    );
    const other = utf8('other');
    const asked = Array.from({ length: 25 }, (_, at) =>
      all.map(({ verify, signature }) => verify(signature, at % 2 === 0 ? DATA : other)),
    );
    const verdicts = await Promise.all(asked.map((row) => Promise.all(row)));
    expect(verdicts).toEqual(asked.map((row, at) => row.map(() => at % 2 === 0)));
  });

  it('carries the check out with another primitive when it is given one', async () => {
    const { jwk, algorithm } = parsePublicJwk(testKeys.ed25519);
    const handle = await platform.importPublicKey(jwk, algorithm);
    const signature = await (await signingKey('ed25519')).sign(DATA);
    let asked = 0;
    const here = () => {
      asked += 1;
      return false;
    };
    expect(await platform.verifySignature(handle, algorithm, signature, DATA, here)).toBe(false);
    expect(asked).toBe(1);
  });

  it('verifies the known signatures of RFC 9421', async () => {
    const { keys, signatures } = vectors<{
      keys: Record<string, PrivateJwk>;
      signatures: { key: string; signature: string; base: string[] }[];
    }>('rfc9421.json');
    for (const { key, signature, base } of signatures) {
      const verify = await load(keys[key]);
      const { bytes } = parseSignatureValue(signature);
      expect(await verify(bytes, utf8(base.join('\n')))).toBe(true);
    }
  });

  it('refuses an Ed25519 signature whose S is not reduced, a second spelling of a good one', async () => {
    const signature = await (await signingKey('ed25519')).sign(DATA);
    const s = number(signature.slice(32).toReversed()) + L;
    const malleated = Uint8Array.of(...signature.slice(0, 32), ...bigEndian(s, 32).toReversed());
    expect(await (await load(testKeys.ed25519))(malleated, DATA)).toBe(false);
  });

  it('accepts the twin (r, n - s) of an ECDSA signature: signatures are no identities', async () => {
    const signature = await (await signingKey('ecdsa-p256-sha256')).sign(DATA);
    const s = P256.n - number(signature.slice(32));
    const twin = Uint8Array.of(...signature.slice(0, 32), ...bigEndian(s, 32));
    expect(await (await load(testKeys['ecdsa-p256-sha256']))(twin, DATA)).toBe(true);
  });

  it('refuses ECDSA with r or s of zero, n or more', async () => {
    const signature = await (await signingKey('ecdsa-p256-sha256')).sign(DATA);
    const verify = await load(testKeys['ecdsa-p256-sha256']);
    const [r, s] = [signature.slice(0, 32), signature.slice(32)];
    const [zero, order] = [new Uint8Array(32), bigEndian(P256.n, 32)];
    for (const [first, second] of [
      [zero, s],
      [r, zero],
      [zero, zero],
      [order, s],
      [r, order],
    ]) {
      expect(await verify(Uint8Array.of(...(first ?? r), ...(second ?? s)), DATA)).toBe(false);
    }
  });

  it('refuses an ECDSA signature in DER', async () => {
    const key = createPrivateKey({ key: testKeys['ecdsa-p256-sha256'] as never, format: 'jwk' });
    const der = Uint8Array.from(nodeSign('sha256', DATA, { key, dsaEncoding: 'der' }));
    const plain = Uint8Array.from(nodeSign('sha256', DATA, { key, dsaEncoding: 'ieee-p1363' }));
    const verify = await load(testKeys['ecdsa-p256-sha256']);
    expect(await verify(der, DATA)).toBe(false);
    expect(await verify(plain, DATA)).toBe(true);
  });

  it('refuses RSA with another padding, salt length or hash', async () => {
    const key = createPrivateKey({ key: testKeys['rsa-pss-sha512'] as never, format: 'jwk' });
    const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING };
    const verify = await load(testKeys['rsa-pss-sha512']);
    const made = (hash: string, options: object) =>
      Uint8Array.from(nodeSign(hash, DATA, { key, ...options }));
    expect(await verify(made('sha512', { ...pss, saltLength: 64 }), DATA)).toBe(true);
    expect(await verify(made('sha512', { ...pss, saltLength: 32 }), DATA)).toBe(false);
    expect(await verify(made('sha512', { ...pss, saltLength: 0 }), DATA)).toBe(false);
    expect(await verify(made('sha256', { ...pss, saltLength: 64 }), DATA)).toBe(false);
    expect(await verify(made('sha512', { padding: constants.RSA_PKCS1_PADDING }), DATA)).toBe(
      false,
    );
  });

  describe('an EC key is refused at import', () => {
    const { kty, crv, x, y } = testKeys['ecdsa-p256-sha256'];
    const zero = encodeBase64Url(new Uint8Array(32));
    const { x: smallX, y: itsY } = pointWithSmallX();
    const at = (px: bigint, py: bigint) => ({
      kty,
      crv,
      x: encodeBase64Url(bigEndian(px, 32)),
      y: encodeBase64Url(bigEndian(py, 32)),
    });

    it.each([
      ['that is off its curve', { kty, crv, x, y: x }],
      ['whose coordinates are swapped', { kty, crv, x: y, y: x }],
      ['that is zero', { kty, crv, x: zero, y: zero }],
      ['whose x is not reduced, a second spelling', at(smallX + P256.p, itsY)],
      [
        'that is off P-384',
        { ...testKeys['ecdsa-p384-sha384'], y: testKeys['ecdsa-p384-sha384'].x },
      ],
    ])('%s', async (_what, jwk) => {
      await expect(load(jwk)).rejects.toThrow();
    });

    it('and the same point in its one spelling is not', async () => {
      await expect(load(at(smallX, itsY))).resolves.toBeTypeOf('function');
    });
  });

  it.each([
    [0, 'sha256', '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='],
    [3, 'sha256', 'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='],
    [
      3,
      'sha512',
      '3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==',
    ],
  ] as const)('hashes %i bytes of FIPS 180 with %s', async (length, hash, expected) => {
    const data = utf8('abc').subarray(0, length);
    expect(Buffer.from(await platform[hash](data)).toString('base64')).toBe(expected);
  });

  it('hashes a view into a larger buffer, not the buffer', async () => {
    const view = utf8('xabcx').subarray(1, 4);
    expect(await platform.sha256(view)).toEqual(await platform.sha256(utf8('abc')));
    expect(await platform.sha512(view)).toEqual(await platform.sha512(utf8('abc')));
  });
});
