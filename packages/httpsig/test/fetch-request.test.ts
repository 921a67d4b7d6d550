import { describe, expect, it } from 'vitest';
import {
  generatePrivateJwk,
  importSigningKey,
  importVerificationKey,
  signRequest,
  verifyRequest,
} from '../src/index.js';
import { profile } from './support.js';

const NOW = 1_768_786_030;
const key = await importSigningKey(await generatePrivateJwk());
const verification = await importVerificationKey(key.publicJwk);
const sign = (request: Request) =>
  signRequest(request, {
    profile,
    key,
    signatureKey: { scheme: 'hwk', jwk: key.publicJwk },
    created: NOW,
  });
const verify = (request: Request) =>
  verifyRequest(request, {
    profile,
    authorities: ['api.example'],
    now: NOW,
    acceptWire: ['rfc9421'],
    acceptSchemes: ['hwk'],
    resolveKey: () => ({ key: verification }),
  });
const post = (body = '{"a":1}') =>
  new Request('https://api.example/data?b=2', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
  });

describe('a Fetch request', () => {
  it('that was signed verifies, its body included', async () => {
    const signed = await sign(post());
    expect(signed.headers.get('content-digest')).toMatch(/^sha-256=:/);
    expect(await signed.clone().text()).toBe('{"a":1}');
    const result = await verify(signed);
    expect(result).toMatchObject({
      ok: true,
      signature: { authority: 'api.example', components: expect.arrayContaining(['@query']) },
    });
  });

  it('that was signed verifies without a body', async () => {
    const signed = await sign(new Request('https://api.example/data'));
    expect(await verify(signed)).toMatchObject({ ok: true });
  });

  it('does not follow redirects with its signature', async () => {
    expect((await sign(post())).redirect).toBe('manual');
  });

  it.each<[string, (signed: Request) => Request, string]>([
    ['its body', (one) => new Request(one, { method: 'POST', body: '{"a":2}' }), 'digest_mismatch'],
    ['its method', (one) => new Request(one, { method: 'PUT' }), 'signature_invalid'],
    ['its query', (one) => new Request('https://api.example/data?b=3', one), 'signature_invalid'],
    [
      'its content type',
      (one) =>
        new Request(one, {
          headers: { ...Object.fromEntries(one.headers), 'content-type': 'text/plain' },
        }),
      'signature_invalid',
    ],
  ])('is refused when %s is changed', async (_what, change, rule) => {
    const signed = await sign(post());
    expect(await verify(signed.clone())).toMatchObject({ ok: true });
    expect(await verify(change(signed))).toMatchObject({ ok: false, failure: { rule } });
  });
});
