import { describe, expect, it } from 'vitest';
import {
  checkContentDigest,
  contentDigest,
  decodeBase64Url,
  encodeBase64Url,
  HeaderIndex,
  type HeaderLine,
  importSigningKey,
  importVerificationKey,
  parsePublicJwk,
  parseSignatureInput,
  parseSignatureValue,
  type PrivateJwk,
  serializeSignatureValue,
  signatureBase,
  thumbprint,
  utf8,
} from '../src/index.js';
import { ruleOf, vectors } from './support.js';

const rfc9421 = vectors<{
  keys: Record<string, PrivateJwk>;
  request: {
    method: string;
    authority: string;
    target: string;
    headers: HeaderLine[];
    body: string;
  };
  response: { headers: HeaderLine[]; body: string };
  signatures: {
    section: string;
    title: string;
    key: string;
    /** The algorithm is deterministic: signing must give these very bytes. */
    bytesMustMatch: boolean;
    /** Every component is one that this package covers. */
    coverable: boolean;
    input: string;
    signature: string;
    base: string[];
  }[];
}>('rfc9421.json');

const { request } = rfc9421;
const source = { ...request, headers: new HeaderIndex(request.headers) };

describe.each(rfc9421.signatures)('RFC 9421 $section: $title', (vector) => {
  const base = vector.base.join('\n');
  const key = () => importVerificationKey(rfc9421.keys[vector.key]);

  it('verifies over the signature base of the text', async () => {
    const { bytes, wires } = parseSignatureValue(vector.signature);
    expect(wires).toEqual(['rfc9421']);
    expect(await (await key()).verify(bytes, utf8(base))).toBe(true);
  });

  it('does not verify with a final line feed, without its last line, or with another key', async () => {
    const { bytes } = parseSignatureValue(vector.signature);
    expect(await (await key()).verify(bytes, utf8(`${base}\n`))).toBe(false);
    expect(await (await key()).verify(bytes, utf8(vector.base.slice(0, -1).join('\n')))).toBe(
      false,
    );
    for (const [name, other] of Object.entries(rfc9421.keys)) {
      if (name === vector.key) continue;
      expect(await (await importVerificationKey(other)).verify(bytes, utf8(base))).toBe(false);
    }
  });

  if (vector.coverable) {
    it('has the signature base this package builds from the request', () => {
      const input = parseSignatureInput(vector.input);
      expect(input.created).toBe(1618884473);
      expect(signatureBase(input.components, input.raw, source, 'rfc9421')).toBe(base);
    });
  } else {
    it('covers a component this package refuses', () => {
      expect(ruleOf(() => parseSignatureInput(vector.input))).toBe('component_invalid');
    });
  }

  if (vector.bytesMustMatch) {
    it('is reproduced byte for byte', async () => {
      const signer = await importSigningKey(rfc9421.keys[vector.key]);
      const { label } = parseSignatureInput(vector.input);
      const signature = await signer.sign(utf8(base));
      expect(serializeSignatureValue(label, signature, 'rfc9421')).toBe(vector.signature);
    });
  }
});

describe('the messages of RFC 9421 appendix B.2', () => {
  it.each([
    ['request', rfc9421.request],
    ['response', rfc9421.response],
  ])('the %s has the digest of its body', async (_name, { headers, body }) => {
    const digest = new HeaderIndex(headers).get('content-digest') ?? '';
    await expect(checkContentDigest(digest, utf8(body))).resolves.toBe(undefined);
  });
});

describe('RFC 8037 appendix A', () => {
  const rfc8037 = vectors<{
    jwk: PrivateJwk;
    thumbprint: string;
    signingInput: string;
    signature: string;
  }>('rfc8037.json');

  it('A.3: the key has the thumbprint of the text', async () => {
    expect(await thumbprint(parsePublicJwk(rfc8037.jwk).jwk)).toBe(rfc8037.thumbprint);
    expect((await importVerificationKey(rfc8037.jwk)).thumbprint).toBe(rfc8037.thumbprint);
    expect((await importSigningKey(rfc8037.jwk)).thumbprint).toBe(rfc8037.thumbprint);
  });

  it('A.4: signing gives the signature of the text, byte for byte', async () => {
    const signature = await (await importSigningKey(rfc8037.jwk)).sign(utf8(rfc8037.signingInput));
    expect(encodeBase64Url(signature)).toBe(rfc8037.signature);
  });

  it('A.4: the signature of the text verifies, and over nothing else', async () => {
    const key = await importVerificationKey(rfc8037.jwk);
    const signature = decodeBase64Url(rfc8037.signature);
    if (signature === undefined) throw new Error('not base64url');
    expect(await key.verify(signature, utf8(rfc8037.signingInput))).toBe(true);
    expect(await key.verify(signature, utf8(`${rfc8037.signingInput}A`))).toBe(false);
  });
});

describe('RFC 7638 section 3.1', () => {
  const rfc7638 = vectors<{ jwk: Record<string, string>; thumbprint: string }>('rfc7638.json');

  it('the RSA key has the thumbprint of the text', async () => {
    const { alg: _rs256, ...jwk } = rfc7638.jwk;
    expect((await importVerificationKey(jwk)).thumbprint).toBe(rfc7638.thumbprint);
  });

  it('the key as published there is for RS256, which is not an algorithm of this profile', () => {
    expect(ruleOf(() => parsePublicJwk(rfc7638.jwk))).toBe('algorithm_mismatch');
  });
});

describe('RFC 9530', () => {
  const { digests } = vectors<{ digests: { body: string; header: string }[] }>('rfc9530.json');

  it.each(digests)('$header is the digest of $body', async ({ body, header }) => {
    await expect(checkContentDigest(header, utf8(body))).resolves.toBe(undefined);
    await expect(checkContentDigest(header, utf8(`${body} `))).rejects.toMatchObject({
      rule: 'digest_mismatch',
    });
  });

  it.each(digests.filter(({ header }) => header.startsWith('sha-256')))(
    '$header is what we write for $body',
    async ({ body, header }) => {
      expect(await contentDigest(utf8(body))).toBe(header);
    },
  );
});
