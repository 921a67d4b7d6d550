import { readFileSync } from 'node:fs';
import { importVerificationKey, utf8 } from '@countersign/httpsig';
import { decodeJws, parseForm, readResourceToken, verifyAuthToken } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { identifier, refusalOf } from './kit.js';

interface CapturedToken {
  readonly compact: string;
  readonly header: object;
  readonly payload: object;
}

const captured = JSON.parse(
  readFileSync(
    new URL('../../httpsig/test/vectors/transcript-2026-01.json', import.meta.url),
    'utf8',
  ),
) as {
  agentKey: { jwk: object; thumbprint: string };
  resourceToken: CapturedToken;
  authToken: CapturedToken;
  authRequest: { body: string; headers: Record<string, string> };
};

describe.each(['resourceToken', 'authToken'] as const)('the captured %s', (name) => {
  it('has the header and the claims that were printed beside it', () => {
    const jws = decodeJws(captured[name].compact);
    if (typeof jws === 'string') throw new Error(jws);
    expect(jws.header).toEqual(captured[name].header);
    expect(JSON.stringify(jws.payload)).toBe(JSON.stringify(captured[name].payload));
    expect(jws.signature).toHaveLength(64);
  });
});

it('the captured resource token is read as a claim of the captured resource about the captured key', () => {
  const { compact } = captured.resourceToken;
  expect(readResourceToken(compact, { insecureLoopback: true })).toEqual({
    resource: 'http://127.0.0.1:8002',
    authServer: 'http://127.0.0.1:8003',
    agent: 'http://127.0.0.1:8001',
    agentThumbprint: captured.agentKey.thumbprint,
    scope: ['data.read', 'data.write'],
    authRequestUrl: undefined,
    expiresAt: 1768786617,
    tokenId: undefined,
  });
});

it('the captured resource token is nothing where plain http is not allowed', async () => {
  const read = async (): Promise<unknown> => readResourceToken(captured.resourceToken.compact, {});
  expect(await refusalOf(read())).toMatchObject({ rule: 'iss_invalid' });
});

it('the captured auth token passes every check but that of the signature, whose key was not captured', async () => {
  const issuer = identifier('http://127.0.0.1:8003');
  const asked: string[] = [];
  const work = verifyAuthToken(captured.authToken.compact, {
    now: 1768786045,
    audience: identifier('http://127.0.0.1:8002'),
    trustedIssuers: [issuer],
    insecureLoopback: true,
    findKey: async (...question) => {
      asked.push(...question);
      return await importVerificationKey(captured.agentKey.jwk);
    },
  });
  expect(await refusalOf(work)).toMatchObject({ rule: 'token_signature' });
  expect(asked).toEqual([issuer, 'auth-key-1']);
});

it('the captured form has the captured resource token in it', () => {
  const { body, headers } = captured.authRequest;
  const form = parseForm({ headers: Object.entries(headers), body: utf8(body) });
  expect(Object.fromEntries(form)).toEqual({
    request_type: 'auth',
    resource_token: captured.resourceToken.compact,
    redirect_uri: 'http://127.0.0.1:8001/callback',
  });
});
