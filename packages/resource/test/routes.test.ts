import type { HeaderLine } from '@countersign/httpsig';
import { FORM_TYPE, readResourceToken } from '@countersign/protocol';
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import {
  decoded,
  jwksOf,
  makeBareKey,
  makeDelegate,
  makeSigningKey,
  NOW,
  requestOf,
  type Shape,
  signedMessage,
  signedRequest,
  type Signer,
  withBrokenSignature,
} from '../../protocol/test/kit.js';
import { resourceRoutes } from '../src/hono.js';
import { RESOURCE_TOKEN_PATH } from '../src/index.js';
import { type Api, IDENTITY, makeApi, SCOPES, tokenHolder } from './support.js';

const ORIGIN = 'https://rs.example';
const WELL_KNOWN = '/.well-known/aauth-resource';
const ENDPOINT = `${ORIGIN}${RESOURCE_TOKEN_PATH}`;
const FORM: HeaderLine = ['Content-Type', FORM_TYPE];

async function handled({ api }: Api, request: Request): Promise<Response> {
  const response = await api.handle(request);
  if (response === undefined) throw new Error('not handled');
  return response;
}

describe('the documents of a resource', () => {
  it('are its metadata', async () => {
    const response = await handled(
      await makeApi({ name: 'The API' }),
      new Request(ORIGIN + WELL_KNOWN),
    );
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('max-age=300');
    expect(await response.json()).toEqual({
      resource: ORIGIN,
      jwks_uri: `${ORIGIN}/jwks.json`,
      resource_token_endpoint: ENDPOINT,
      supported_scopes: Object.keys(SCOPES),
      scope_descriptions: SCOPES,
      name: 'The API',
    });
  });

  it('are its public keys, and never a private member', async () => {
    const made = await makeApi();
    const response = await handled(made, new Request(`${ORIGIN}/jwks.json`));
    const { keys } = (await response.json()) as { keys: object[] };
    expect(keys).toEqual([made.resource.keys.current.publicJwk]);
    expect(keys.flatMap((key) => Object.keys(key))).not.toContain('d');
  });

  describe.each([WELL_KNOWN, '/jwks.json'])('at %s', (path) => {
    it('answer HEAD without a body', async () => {
      const response = await handled(
        await makeApi(),
        new Request(ORIGIN + path, { method: 'HEAD' }),
      );
      expect(response.status).toBe(200);
      expect(await response.text()).toBe('');
    });

    it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])('take no %s', async (method) => {
      const response = await handled(await makeApi(), new Request(ORIGIN + path, { method }));
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('GET, HEAD');
      expect(await response.json()).toMatchObject({ error: 'invalid_request' });
    });

    it('need no signature and are not disturbed by a bad one', async () => {
      const made = await makeApi();
      const message = await signedMessage(made.agent, { url: ORIGIN + path });
      const request = requestOf(withBrokenSignature(message), ORIGIN);
      expect((await handled(made, request)).status).toBe(200);
      expect(made.discovery.count).toBe(0);
    });
  });

  it.each(['/', '/data', '/jwks.json/', '/JWKS.json', '/.well-known/aauth-agent', '/x/jwks.json'])(
    'are not at %s, which is left to the program',
    async (path) => {
      const { api } = await makeApi();
      expect(await api.handle(new Request(ORIGIN + path))).toBe(undefined);
    },
  );

  it('stand before the routes of a Hono app and leave it the rest', async () => {
    const { api } = await makeApi();
    const app = new Hono().use(resourceRoutes(api)).get('*', (c) => c.text('rest'));
    expect(await (await app.request('/anything')).text()).toBe('rest');
    expect((await app.request(WELL_KNOWN)).headers.get('content-type')).toBe('application/json');
    expect((await app.request(RESOURCE_TOKEN_PATH)).status).toBe(405);
  });
});

describe('the resource token endpoint', () => {
  const ask = (signer: Signer, body: string | undefined, more: Partial<Shape> = {}) =>
    signedRequest(signer, {
      url: ENDPOINT,
      method: 'POST',
      headers: [FORM],
      ...(body === undefined ? {} : { body }),
      ...more,
    });

  it('gives an agent a token for the scope it asks', async () => {
    const made = await makeApi();
    const response = await handled(made, await ask(made.agent, 'scope=data.read+data.write'));
    expect(response.status).toBe(200);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const body = (await response.json()) as Record<string, string>;
    expect(body).toEqual({
      resource_token: expect.any(String) as string,
      auth_server: 'https://as.example',
      expires_in: 600,
    });
    expect(readResourceToken(body['resource_token'] ?? '', {})).toMatchObject({
      resource: ORIGIN,
      authServer: 'https://as.example',
      agent: 'https://agent.example',
      agentThumbprint: made.agent.key.thumbprint,
      scope: ['data.read', 'data.write'],
      expiresAt: NOW + 600,
    });
  });

  it('gives a delegate a token for its own key', async () => {
    const made = await makeApi();
    const delegate = await makeDelegate(made.agent);
    const response = await handled(made, await ask(delegate, 'scope=data.read'));
    const { resource_token: token } = (await response.json()) as { resource_token: string };
    expect(decoded(token).payload).toMatchObject({
      agent: 'https://agent.example',
      agent_jkt: delegate.key.thumbprint,
    });
  });

  it('gives the holder of an auth token a token for more', async () => {
    const made = await makeApi();
    const response = await handled(made, await ask(await tokenHolder(made), 'scope=data.write'));
    expect(response.status).toBe(200);
  });

  it.each<[string, string | undefined, Partial<Shape>, number, string]>([
    ['an unknown scope', 'scope=data.everything', {}, 400, 'invalid_scope'],
    ['an unknown scope among known ones', 'scope=data.read+x', {}, 400, 'invalid_scope'],
    ['a scope in another case', 'scope=Data.Read', {}, 400, 'invalid_scope'],
    ['an inherited name', 'scope=constructor', {}, 400, 'invalid_scope'],
    ['an identity scope', 'scope=openid', {}, 400, 'invalid_scope'],
    ['no scope', 'a=b', {}, 400, 'invalid_request'],
    ['an empty scope', 'scope=', {}, 400, 'invalid_request'],
    ['a scope with two spaces', 'scope=data.read++data.write', {}, 400, 'invalid_request'],
    ['a scope given twice', 'scope=data.read&scope=data.write', {}, 400, 'invalid_request'],
    [
      'a document, which is not supported',
      'auth_request_url=https%3A%2F%2Frs.example%2Fr',
      {},
      400,
      'invalid_request',
    ],
    ['no body', undefined, { headers: [] }, 415, 'invalid_request'],
    ['no body and the right type', undefined, {}, 400, 'invalid_request'],
    [
      'JSON',
      '{"scope":"data.read"}',
      { headers: [['Content-Type', 'application/json']] },
      415,
      'invalid_request',
    ],
    [
      'the right type joined with another',
      'scope=data.read',
      { headers: [['Content-Type', `${FORM_TYPE}, text/plain`]] },
      415,
      'invalid_request',
    ],
    [
      'a body over 16 KiB',
      `scope=data.read&a=${'a'.repeat(16 * 1024)}`,
      {},
      413,
      'invalid_request',
    ],
    [
      'another host',
      'scope=data.read',
      { url: `https://other.example${RESOURCE_TOKEN_PATH}` },
      421,
      'invalid_request',
    ],
  ])('refuses %s', async (_what, body, more, status, error) => {
    const made = await makeApi();
    const response = await handled(made, await ask(made.agent, body, more));
    expect(response.status).toBe(status);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.has('agent-auth')).toBe(false);
    const answer = (await response.json()) as Record<string, string>;
    expect(answer).toEqual({ error, error_description: expect.any(String) as string });
    expect(made.refused).toHaveLength(1);
    const good = await handled(made, await ask(made.agent, 'scope=data.read'));
    expect(good.status).toBe(200);
  });

  it('takes a body of 16 KiB', async () => {
    const made = await makeApi();
    const body = `scope=data.read&a=`;
    const request = await ask(made.agent, body.padEnd(16 * 1024, 'a'));
    expect((await handled(made, request)).status).toBe(200);
  });

  it.each(['GET', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'])('takes no %s', async (method) => {
    const made = await makeApi();
    const response = await handled(made, new Request(ENDPOINT, { method }));
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
  });

  const badly = async (made: Api): Promise<Request> => {
    const shape = { url: ENDPOINT, headers: [FORM], body: 'scope=data.read' };
    return requestOf(withBrokenSignature(await signedMessage(made.agent, shape)), ORIGIN);
  };
  it.each<[string, number, (made: Api) => Promise<Request>]>([
    [
      'nobody signed',
      0,
      async () =>
        new Request(ENDPOINT, {
          method: 'POST',
          body: new URLSearchParams({ scope: 'data.read' }),
        }),
    ],
    ['a bare key signed', 0, async () => ask(await makeBareKey(), 'scope=data.read')],
    [
      'a resource signed',
      1,
      async ({ resource }) =>
        ask(
          { key: resource.keys.current, signatureKey: jwksOf(resource, 'aauth-resource') },
          'scope=data.read',
        ),
    ],
    ['the signature is broken', 1, badly],
    [
      'another key signed',
      1,
      async ({ agent }) => ask({ ...agent, key: await makeSigningKey() }, 'scope=data.read'),
    ],
    ['the request is old', 0, ({ agent }) => ask(agent, 'scope=data.read', { created: NOW - 61 })],
    [
      'the holder of an expired token signed',
      1,
      async (made) => ask(await tokenHolder(made, { now: NOW - 3610 }), 'scope=data.read'),
    ],
  ])('asks for an identity when %s, and mints nothing', async (_what, lookups, make) => {
    const made = await makeApi();
    const response = await handled(made, await make(made));
    expect(response.status).toBe(401);
    expect(response.headers.get('agent-auth')).toBe(IDENTITY);
    expect(await response.text()).not.toContain('resource_token');
    expect(made.discovery.count).toBe(lookups);
  });

  it('looks at the form only once the signature has been verified', async () => {
    const made = await makeApi();
    const shape = { url: ENDPOINT, headers: [FORM], body: 'scope=data.everything' };
    const message = withBrokenSignature(await signedMessage(made.agent, shape));
    const response = await handled(made, requestOf(message, ORIGIN));
    expect(await response.json()).toMatchObject({ error: 'invalid_signature' });
  });
});
