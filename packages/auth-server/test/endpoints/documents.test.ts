import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALGORITHM_NAMES } from '@countersign/httpsig';
import { Bench, ISSUER } from './kit.js';

const WELL_KNOWN = `${ISSUER}/.well-known/aauth-issuer`;
const JWKS = `${ISSUER}/jwks.json`;

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());

const get = (url: string, method = 'GET') => bench.send(new Request(url, { method }));

describe('The documents', () => {
  it('say where everything is and which request types work', async () => {
    const answer = await get(WELL_KNOWN);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.json).toEqual({
      issuer: ISSUER,
      jwks_uri: JWKS,
      agent_token_endpoint: `${ISSUER}/agent/token`,
      agent_auth_endpoint: `${ISSUER}/agent/auth`,
      agent_signing_algs_supported: [...ALGORITHM_NAMES],
      request_types_supported: ['auth', 'code', 'refresh', 'exchange'],
    });
  });

  it('publish the key in its public members only', async () => {
    const { json } = await get(JWKS);
    expect(json).toEqual({
      keys: [
        {
          kty: 'OKP',
          crv: 'Ed25519',
          x: expect.stringMatching(/^[\w-]{43}$/u),
          kid: expect.any(String),
        },
      ],
    });
    const [stored] = bench.contents()['signing_keys'] ?? [];
    const { d } = JSON.parse(String(stored?.['private_jwk'])) as { d: string };
    expect(JSON.stringify(json)).not.toContain(d);
  });

  it.each([WELL_KNOWN, JWKS])('may be cached and asked for with HEAD: %s', async (url) => {
    const [whole, head] = [await get(url), await get(url, 'HEAD')];
    expect(whole.headers.get('cache-control')).toBe('max-age=300');
    expect([head.status, head.text]).toEqual([200, '']);
    expect([...head.headers]).toEqual([...whole.headers]);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('answer %s with 405', async (method) => {
    const answer = await get(JWKS, method);
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });

  it('are given out while the storage fails', async () => {
    await bench.stop();
    expect((await get(WELL_KNOWN)).status).toBe(200);
    expect((await get(JWKS)).status).toBe(200);
    await bench.start();
  });
});

describe('Any other path', () => {
  it.each([
    '/',
    '/favicon.ico',
    '/agent',
    '/agent/auth/',
    '/agent/token/',
    '/Agent/Token',
    '/agent/tokens',
    '/agent//token',
    '/.well-known/',
    '/.well-known/aauth-agent',
    '/.well-known/openid-configuration',
    '/jwks.json/x',
    '/%61gent/token',
    '/constructor',
    '/__proto__',
  ])('%s is a page that says there is none', async (path) => {
    const before = bench.contents();
    for (const method of ['GET', 'POST']) {
      const answer = await get(`${ISSUER}${path}`, method);
      expect(answer.status).toBe(404);
      expect(answer.text).toContain('There is no page here');
      expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    }
    expect(bench.contents()).toEqual(before);
  });
});
