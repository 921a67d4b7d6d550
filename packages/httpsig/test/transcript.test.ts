import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  checkContentDigest,
  type HeaderLine,
  importVerificationKey,
  utf8,
  verifyMessage,
  type Wire,
} from '../src/index.js';
import { profile } from './support.js';

interface CapturedRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  coveredComponents?: string;
  body?: string;
  bytes?: number;
  signatureBase2026_01?: string;
}

const vectors = JSON.parse(
  readFileSync(new URL('./vectors/transcript-2026-01.json', import.meta.url), 'utf8'),
) as {
  agentKey: { jwk: Record<string, string>; thumbprint: string };
  firstRequest: CapturedRequest;
  authRequest: CapturedRequest;
  codeExchange: CapturedRequest;
  authorizedRequest: CapturedRequest;
};

const CREATED = 1768786030;

function headerLines(request: CapturedRequest): HeaderLine[] {
  const lines = Object.entries(request.headers);
  if (request.coveredComponents !== undefined) {
    lines.push(['signature-input', `sig1=${request.coveredComponents};created=${CREATED}`]);
  }
  return lines;
}

async function verifyCaptured(
  request: CapturedRequest,
  wire: Wire,
  change: Partial<CapturedRequest> = {},
) {
  const key = await importVerificationKey(vectors.agentKey.jwk);
  const { method, url, body } = { ...request, ...change };
  const { host, pathname } = new URL(url);
  return await verifyMessage(
    {
      method,
      target: pathname,
      headers: headerLines(request),
      ...(body === undefined ? {} : { body: utf8(body) }),
    },
    {
      profile,
      authorities: [host],
      now: CREATED,
      acceptWire: [wire],
      acceptSchemes: ['jwks', 'jwt'],
      resolveKey: async () => ({ key }),
    },
  );
}

const requests = ['firstRequest', 'authRequest', 'codeExchange', 'authorizedRequest'] as const;

describe.each(requests)('the captured %s', (name) => {
  const request = vectors[name];

  it('verifies under the 2026-01 wire', async () => {
    const result = await verifyCaptured(request, '2026-01');
    expect(result).toMatchObject({ ok: true, signature: { wire: '2026-01' } });
  });

  it.each(['rfc9421', '2026-02'] as const)('does not verify under %s', async (wire) => {
    const result = await verifyCaptured(request, wire);
    expect(result).toMatchObject({
      ok: false,
      failure: { rule: wire === 'rfc9421' ? 'encoding_not_accepted' : 'signature_invalid' },
    });
  });

  it('does not verify with another method', async () => {
    const result = await verifyCaptured(request, '2026-01', { method: 'PUT' });
    expect(result).toMatchObject({ ok: false, failure: { rule: 'signature_invalid' } });
  });
});

describe('the captured values', () => {
  it('have the thumbprint of the agent key', async () => {
    const key = await importVerificationKey(vectors.agentKey.jwk);
    expect(key.thumbprint).toBe(vectors.agentKey.thumbprint);
  });

  it('have the signature base of the 2026-01 wire', async () => {
    const result = await verifyCaptured(vectors.firstRequest, '2026-01');
    if (!result.ok) throw new Error(result.failure.message);
    expect(new TextDecoder().decode(result.signature.base)).toBe(
      vectors.firstRequest.signatureBase2026_01,
    );
  });

  it.each(['authRequest', 'codeExchange'] as const)(
    'have the digest of the %s body',
    async (name) => {
      const { body = '', bytes, headers } = vectors[name];
      expect(utf8(body)).toHaveLength(bytes ?? -1);
      await expect(checkContentDigest(headers['content-digest'] ?? '', utf8(body))).resolves.toBe(
        undefined,
      );
      await expect(
        checkContentDigest(headers['content-digest'] ?? '', utf8(`${body} `)),
      ).rejects.toMatchObject({ rule: 'digest_mismatch' });
    },
  );
});
