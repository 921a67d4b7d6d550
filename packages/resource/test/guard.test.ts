import { thumbprint, utf8 } from '@countersign/httpsig';
import { describe, expect, it } from 'vitest';
import {
  authTokenFor,
  changedHeader,
  compact,
  decoded,
  holder,
  jwksOf,
  makeAgent,
  makeAuthServer,
  makeBareKey,
  makeDelegate,
  makeSigningKey,
  NOW,
  requestOf,
  signedMessage,
  type Signer,
  withBrokenSignature,
  withoutHeader,
} from '../../protocol/test/kit.js';
import type { RouteRequirement } from '../src/index.js';
import {
  type Api,
  DATA,
  doors,
  IDENTITY,
  makeApi,
  sign,
  tokenChallenge,
  tokenHolder,
} from './support.js';

const READ: RouteRequirement = { scopes: ['data.read'] };
const BOTH: RouteRequirement = { scopes: ['data.read', 'data.write'] };

interface Refusal {
  readonly status: number;
  readonly error: string;
  readonly challenge: string | null;
}

/** Asserts a refusal in JSON whose handler never ran. */
async function expectRefused(made: Api, response: Response, expected: Refusal): Promise<void> {
  const text = await response.text();
  expect(response.status).toBe(expected.status);
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(response.headers.get('agent-auth')).toBe(expected.challenge);
  const body = JSON.parse(text) as Record<string, string>;
  expect(Object.keys(body)).toEqual(['error', 'error_description']);
  expect(body['error']).toBe(expected.error);
  expect(made.ran).toEqual([]);
}

/** Asserts a challenge in plain text whose handler never ran. */
async function expectChallenged(made: Api, response: Response, text: string): Promise<void> {
  expect(response.status).toBe(401);
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  expect(response.headers.get('cache-control')).toBe('no-store');
  expect(await response.text()).toBe(text);
  expect(made.ran).toEqual([]);
}

describe.each(Object.entries(doors))('%s', (_door, open) => {
  describe('opens', () => {
    const cases: [string, RouteRequirement, (made: Api) => Promise<Signer>, object][] = [
      [
        'for a bare key where a signature is enough',
        'signature',
        () => makeBareKey(),
        { level: 'signature', scheme: 'hwk' },
      ],
      [
        'for an agent where a signature is enough',
        'signature',
        async ({ agent }) => agent,
        { level: 'identity', scheme: 'jwks' },
      ],
      [
        'for an agent where an identity is asked for',
        'identity',
        async ({ agent }) => agent,
        { level: 'identity', agent: 'https://agent.example', delegate: undefined },
      ],
      [
        'for a delegate where an identity is asked for',
        'identity',
        ({ agent }) => makeDelegate(agent),
        { level: 'identity', scheme: 'jwt', delegate: 'delegate-1' },
      ],
      [
        'for the holder of a token with the scope',
        READ,
        (made) => tokenHolder(made),
        {
          level: 'authorization',
          scope: ['data.read'],
          subject: 'testuser',
          agent: 'https://agent.example',
        },
      ],
      [
        'for the holder of a token with more scopes',
        READ,
        (made) => tokenHolder(made, { scope: ['x', 'data.read'] }),
        { level: 'authorization' },
      ],
      [
        'for the holder of a token for a delegate',
        READ,
        (made) => tokenHolder(made, { delegate: 'd' }),
        { level: 'authorization', delegate: 'd' },
      ],
      [
        'for the holder of a token where less is asked for',
        'identity',
        (made) => tokenHolder(made, { scope: [] }),
        { level: 'authorization', scope: [] },
      ],
    ];

    it.each(cases)('%s', async (_what, requirement, who, access) => {
      const made = await makeApi();
      const signer = await who(made);
      const response = await open(made, requirement)(await sign(signer));
      expect(await response.text()).toBe('done');
      expect(response.status).toBe(200);
      expect(made.ran).toHaveLength(1);
      expect(made.ran[0]?.access).toMatchObject({ ...access, thumbprint: signer.key.thumbprint });
      expect(made.refused).toEqual([]);
    });

    it.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
      'with the body of a %s still readable by the handler',
      async (method) => {
        const made = await makeApi();
        const body = 'häl\u0000lo';
        const headers = [['Content-Type', 'text/plain']] as const;
        const request = await sign(made.agent, { method, body, headers });
        expect((await open(made, 'identity')(request)).status).toBe(200);
        expect(made.ran[0]?.body).toBe(body);
      },
    );

    it('with a body of exactly the limit', async () => {
      const made = await makeApi({ maxBodyBytes: 100 });
      const headers = [['Content-Type', 'text/plain']] as const;
      const request = await sign(made.agent, { body: 'a'.repeat(100), headers });
      expect((await open(made, 'identity')(request)).status).toBe(200);
    });

    it('with a body when no handler before it read one', async () => {
      const made = await makeApi();
      const response = await open(made, 'identity')(await sign(made.agent, { method: 'POST' }));
      expect(response.status).toBe(200);
      expect(made.ran[0]?.body).toBe('');
    });
  });

  describe('asks for more', () => {
    it.each<[string, RouteRequirement, string, string]>([
      ['a signature', 'signature', 'httpsig', 'Signature required'],
      ['an identity', 'identity', IDENTITY, 'Identity required'],
      ['an identity first', READ, IDENTITY, 'Identity required'],
    ])('of one who did not sign: %s', async (_what, requirement, challenge, text) => {
      const made = await makeApi();
      const response = await open(made, requirement)(new Request(DATA));
      expect(response.headers.get('agent-auth')).toBe(challenge);
      await expectChallenged(made, response, text);
      expect(made.discovery.count).toBe(0);
    });

    it.each<[string, RouteRequirement]>([
      ['an identity', 'identity'],
      ['authorization', READ],
    ])('of a bare key where %s is asked for', async (_what, requirement) => {
      const made = await makeApi();
      const response = await open(made, requirement)(await sign(await makeBareKey()));
      expect(response.headers.get('agent-auth')).toBe(IDENTITY);
      await expectChallenged(made, response, 'Identity required');
      expect(made.discovery.count).toBe(0);
    });

    it('of an agent: a token for every scope of the route', async () => {
      const made = await makeApi();
      const response = await open(made, BOTH)(await sign(made.agent));
      const { header, payload, authServer } = tokenChallenge(response);
      expect(authServer).toBe('https://as.example');
      expect(header).toEqual({ alg: 'EdDSA', kid: 'resource-key-1', typ: 'resource+jwt' });
      expect(payload).toEqual({
        iss: 'https://rs.example',
        aud: 'https://as.example',
        agent: 'https://agent.example',
        agent_jkt: await thumbprint(made.agent.key.publicJwk),
        scope: 'data.read data.write',
        exp: NOW + 600,
        iat: NOW,
        jti: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/) as string,
      });
      await expectChallenged(made, response, 'Authorization required');
    });

    it('of a delegate: a token for its own key', async () => {
      const made = await makeApi();
      const delegate = await makeDelegate(made.agent);
      const response = await open(made, READ)(await sign(delegate));
      expect(tokenChallenge(response).payload).toMatchObject({
        agent: 'https://agent.example',
        agent_jkt: delegate.key.thumbprint,
      });
      await expectChallenged(made, response, 'Authorization required');
    });

    it('with another jti each time', async () => {
      const made = await makeApi();
      const send = open(made, READ);
      const request = await sign(made.agent);
      const ids = [await send(request.clone()), await send(request.clone())].map(
        (response) => tokenChallenge(response).payload['jti'],
      );
      expect(new Set(ids).size).toBe(2);
    });

    it('of the holder of too little, for every scope and not for what is missing', async () => {
      const made = await makeApi();
      const response = await open(made, BOTH)(await sign(await tokenHolder(made)));
      expect(tokenChallenge(response).payload).toMatchObject({
        scope: 'data.read data.write',
        agent_jkt: made.agent.key.thumbprint,
      });
      const challenge = response.headers.get('agent-auth');
      await expectRefused(made, response, { status: 403, error: 'insufficient_scope', challenge });
      expect(made.refused).toMatchObject([{ code: 'insufficient_scope' }]);
    });

    it('of the holder of an expired token: a new one', async () => {
      const made = await makeApi();
      const old = await tokenHolder(made, { now: NOW - 3610 });
      const response = await open(made, READ)(await sign(old));
      expect(tokenChallenge(response).payload).toMatchObject({
        agent: 'https://agent.example',
        scope: 'data.read',
        exp: NOW + 600,
      });
      const challenge = response.headers.get('agent-auth');
      await expectRefused(made, response, { status: 401, error: 'invalid_token', challenge });
      expect(made.refused).toMatchObject([{ rule: 'token_expired' }]);
    });

    it('of the holder of a token without agent, which never opens', async () => {
      const made = await makeApi();
      const signIn = await tokenHolder(made, { agent: undefined });
      const response = await open(made, READ)(await sign(signIn));
      expect(response.headers.get('agent-auth')).toBe(IDENTITY);
      await expectChallenged(made, response, 'Identity required');
    });

    it.each(['aauth-resource', 'aauth-issuer'])(
      'of one who is published as %s: that is a key and no agent',
      async (wellKnown) => {
        const made = await makeApi();
        const { authServer, resource } = made;
        const party = wellKnown === 'aauth-issuer' ? authServer : resource;
        const signer = { key: party.keys.current, signatureKey: jwksOf(party, wellKnown) };
        const response = await open(made, READ)(await sign(signer));
        expect(response.headers.get('agent-auth')).toBe(IDENTITY);
        await expectChallenged(made, response, 'Identity required');
        expect((await open(made, 'signature')(await sign(signer))).status).toBe(200);
      },
    );
  });

  describe('never opens where authorization is asked for, and mints nothing,', () => {
    const changedToken = async (made: Api, change: object): Promise<Signer> => {
      const { authServer, resource, agent } = made;
      const { header, payload } = decoded(await authTokenFor(authServer, resource, agent));
      const token = await compact(header, { ...payload, ...change }, authServer.keys.current);
      return holder(agent.key, token);
    };

    interface Case {
      readonly make: (made: Api) => Promise<Request>;
      readonly error: string;
      readonly rule: string;
      readonly lookups: number;
    }
    const cases: Record<string, Case> = {
      'with a broken signature': {
        make: async ({ agent }) => {
          const message = await signedMessage(agent, { url: DATA });
          return requestOf(withBrokenSignature(message), 'https://rs.example');
        },
        error: 'invalid_signature',
        rule: 'signature_invalid',
        lookups: 1,
      },
      'with a signature of junk': {
        make: async ({ agent }) => {
          const message = await signedMessage(agent, { url: DATA });
          const junk = changedHeader(message, 'signature', () => 'sig1=:AAAA:');
          return requestOf(junk, 'https://rs.example');
        },
        error: 'invalid_signature',
        rule: 'signature_invalid',
        lookups: 1,
      },
      'with the signature gone': {
        make: async ({ agent }) => {
          const message = await signedMessage(agent, { url: DATA });
          return requestOf(withoutHeader(message, 'signature'), 'https://rs.example');
        },
        error: 'invalid_signature',
        rule: 'header_missing',
        lookups: 0,
      },
      'with the signature of somebody else': {
        make: async ({ agent }) => sign({ ...agent, key: await makeSigningKey() }),
        error: 'invalid_signature',
        rule: 'signature_invalid',
        lookups: 1,
      },
      'for another path': {
        make: async ({ agent }) => {
          const message = await signedMessage(agent, { url: 'https://rs.example/other' });
          return requestOf({ ...message, target: '/data' }, 'https://rs.example');
        },
        error: 'invalid_signature',
        rule: 'signature_invalid',
        lookups: 1,
      },
      'for another host': {
        make: ({ agent }) => sign(agent, { authority: 'other.example' }),
        error: 'invalid_signature',
        rule: 'signature_invalid',
        lookups: 1,
      },
      'signed long ago': {
        make: ({ agent }) => sign(agent, { created: NOW - 61 }),
        error: 'invalid_signature',
        rule: 'created_out_of_window',
        lookups: 0,
      },
      'under 2026-01, which nobody switched on': {
        make: ({ agent }) => sign(agent, { wire: '2026-01' }),
        error: 'invalid_signature',
        rule: 'signature_invalid',
        lookups: 1,
      },
      'with another body': {
        make: async ({ agent }) => {
          const headers = [['Content-Type', 'text/plain']] as const;
          const message = await signedMessage(agent, { url: DATA, body: 'a', headers });
          return requestOf({ ...message, body: utf8('b') }, 'https://rs.example');
        },
        error: 'invalid_signature',
        rule: 'digest_mismatch',
        lookups: 0,
      },
      'with a body that was added': {
        make: async ({ agent }) => {
          const message = await signedMessage(agent, { url: DATA, method: 'POST' });
          return requestOf({ ...message, body: utf8('b') }, 'https://rs.example');
        },
        error: 'invalid_signature',
        rule: 'component_missing',
        lookups: 0,
      },
      'of an agent nobody can reach': {
        make: async () => sign(await makeAgent('https://nowhere.example')),
        error: 'invalid_signature',
        rule: 'discovery_failed',
        lookups: 1,
      },
      'with a token for another resource': {
        make: async (made) => sign(await changedToken(made, { aud: 'https://other.example' })),
        error: 'invalid_token',
        rule: 'aud_other',
        lookups: 0,
      },
      'with a token of an auth server that is not trusted': {
        make: async ({ resource, agent }) => {
          const other = await makeAuthServer('https://other.example');
          return sign(holder(agent.key, await authTokenFor(other, resource, agent)));
        },
        error: 'invalid_token',
        rule: 'issuer_untrusted',
        lookups: 0,
      },
      'with a token that somebody else signed in the name of the auth server': {
        make: async ({ resource, agent, authServer }) => {
          const { id } = authServer;
          const forger = { ...(await makeAuthServer()), id };
          return sign(holder(agent.key, await authTokenFor(forger, resource, agent)));
        },
        error: 'invalid_token',
        rule: 'token_signature',
        lookups: 1,
      },
      'with a token bound to another key': {
        make: async (made) => {
          const stolen = await tokenHolder(made);
          return sign({ ...stolen, key: await makeSigningKey() });
        },
        error: 'invalid_signature',
        rule: 'signature_invalid',
        lookups: 1,
      },
      'with a token that lasts more than a day': {
        make: async (made) => sign(await changedToken(made, { exp: NOW + 86_411 })),
        error: 'invalid_token',
        rule: 'exp_too_far',
        lookups: 0,
      },
      'with a token from the future': {
        make: async (made) => sign(await changedToken(made, { nbf: NOW + 11 })),
        error: 'invalid_token',
        rule: 'nbf_in_future',
        lookups: 0,
      },
      'with an agent token for somebody else': {
        make: async ({ agent, authServer }) =>
          sign(await makeDelegate(agent, { audience: authServer.id })),
        error: 'invalid_token',
        rule: 'aud_other',
        lookups: 0,
      },
      'with an expired agent token': {
        make: async ({ agent }) => sign(await makeDelegate(agent, { now: NOW - 3610 })),
        error: 'invalid_token',
        rule: 'token_expired',
        lookups: 0,
      },
    };

    it.each(Object.entries(cases))('%s', async (_what, { make, error, rule, lookups }) => {
      const made = await makeApi();
      const send = open(made, READ);
      const response = await send(await make(made));
      await expectRefused(made, response, { status: 401, error, challenge: IDENTITY });
      expect(made.refused).toMatchObject([{ rule }]);
      expect(made.discovery.count).toBe(lookups);
      // And the next honest request succeeds.
      expect((await send(await sign(await tokenHolder(made)))).status).toBe(200);
    });
  });

  describe('refuses', () => {
    it('a request for another host with 421, and asks nobody', async () => {
      const made = await makeApi();
      const response = await open(
        made,
        READ,
      )(await sign(made.agent, { url: 'https://other.example/data' }));
      await expectRefused(made, response, {
        status: 421,
        error: 'invalid_request',
        challenge: null,
      });
      expect(made.discovery.count).toBe(0);
    });

    it.each(['X-Forwarded-Host', 'Forwarded', 'X-Original-Host', 'X-Host'])(
      'to believe %s',
      async (name) => {
        const made = await makeApi();
        const send = open(made, 'identity');
        const value = name === 'Forwarded' ? 'host=rs.example' : 'rs.example';
        const request = await sign(made.agent, {
          url: 'https://other.example/data',
          headers: [[name, value]],
        });
        const status = { status: 421, error: 'invalid_request', challenge: null };
        await expectRefused(made, await send(request), status);
        // Nor does it lead an honest request astray.
        const honest = await sign(made.agent, { headers: [[name, 'evil.example']] });
        expect((await send(honest)).status).toBe(200);
      },
    );

    it('a body over the limit with 413, before anything is verified', async () => {
      const made = await makeApi({ maxBodyBytes: 100 });
      const headers = [['Content-Type', 'text/plain']] as const;
      const request = await sign(made.agent, { body: 'a'.repeat(101), headers });
      const response = await open(made, 'identity')(request);
      await expectRefused(made, response, {
        status: 413,
        error: 'invalid_request',
        challenge: null,
      });
      expect(made.discovery.count).toBe(0);
    });

    it('a body over 1 MiB unless another limit is set', async () => {
      const made = await makeApi();
      const headers = [['Content-Type', 'text/plain']] as const;
      const tooLong = await sign(made.agent, { body: 'a'.repeat(1024 * 1024 + 1), headers });
      expect((await open(made, 'identity')(tooLong)).status).toBe(413);
    });

    it('a trusted auth server that cannot be reached with 503 and Retry-After', async () => {
      const made = await makeApi();
      const send = open(made, READ);
      const signer = await tokenHolder(made);
      made.discovery.fail(made.authServer.id);
      const response = await send(await sign(signer));
      expect(response.headers.get('retry-after')).toBe('10');
      const expected = { status: 503, error: 'temporarily_unavailable', challenge: null };
      await expectRefused(made, response, expected);
      made.discovery.recover(made.authServer.id);
      expect((await send(await sign(signer))).status).toBe(200);
    });

    it('its own mistakes with 500 and nothing about them', async () => {
      const made = await makeApi();
      made.discovery.fail(made.agent.id, new TypeError('secret of the house'));
      const response = await open(made, 'identity')(await sign(made.agent));
      expect(await response.clone().text()).not.toContain('house');
      await expectRefused(made, response, { status: 500, error: 'server_error', challenge: null });
      expect(made.refused[0]?.cause).toBeInstanceOf(TypeError);
    });
  });

  it('says the same of every host that a stranger named', async () => {
    const made = await makeApi();
    const send = open(made, READ);
    const breakings = [
      () => made.discovery.fail(made.agent.id),
      () => made.discovery.recover(made.agent.id).publishKeys(`${made.agent.id}/jwks.json`, []),
      () => made.discovery.publishDocument(made.agent.id, 'aauth-agent', {}),
    ];
    const answers = new Set<string>();
    for (const break_ of breakings) {
      break_();
      const response = await send(await sign(made.agent));
      const { 'x-request-id': id, ...headers } = Object.fromEntries(response.headers);
      expect(id).toMatch(/^[\w-]{12}$/);
      answers.add(JSON.stringify([response.status, headers, await response.text()]));
    }
    expect(answers.size).toBe(1);
    expect(made.ran).toEqual([]);
  });

  it('verifies a 2026-01 request when that wire was switched on', async () => {
    const made = await makeApi({ acceptWire: ['rfc9421', '2026-01'] });
    const response = await open(made, 'identity')(await sign(made.agent, { wire: '2026-01' }));
    expect(response.status).toBe(200);
  });

  it('answers for further authorities that were configured, and no others', async () => {
    const made = await makeApi({ authorities: ['api.example'] });
    const send = open(made, 'identity');
    expect((await send(await sign(made.agent, { url: 'https://api.example/data' }))).status).toBe(
      200,
    );
    expect((await send(await sign(made.agent))).status).toBe(200);
    expect((await send(await sign(made.agent, { url: 'https://x.example/' }))).status).toBe(421);
  });

  it('does not mistake a forged error for nothing: the handler of a refused request never sees it', async () => {
    const made = await makeApi();
    const message = await signedMessage(made.agent, { url: DATA });
    const request = requestOf(withBrokenSignature(message), 'https://rs.example');
    await open(made, 'signature')(request);
    expect(made.ran).toEqual([]);
    expect(made.refused).toHaveLength(1);
  });
});

describe('a handler', () => {
  it('gets the request as it came, its body unread', async () => {
    const { api, agent } = await makeApi();
    const seen: Request[] = [];
    const route = api.guard('identity', async (request) => {
      seen.push(request);
      return new Response(null, { status: 204 });
    });
    const headers = [
      ['Content-Type', 'application/json'],
      ['X-A', 'b'],
    ] as const;
    const request = await sign(agent, { url: `${DATA}?q=1`, body: '{"a":1}', headers });
    expect((await route(request)).status).toBe(204);
    const [got] = seen;
    expect(got?.url).toBe(`${DATA}?q=1`);
    expect(got?.method).toBe('POST');
    expect(got?.headers.get('x-a')).toBe('b');
    expect(await got?.json()).toEqual({ a: 1 });
  });

  it('that throws is the program’s affair: the guard hides nothing', async () => {
    const { api, agent } = await makeApi();
    const route = api.guard('identity', () => {
      throw new RangeError('of the handler');
    });
    await expect(route(await sign(agent))).rejects.toThrow(RangeError);
  });

  it('never runs when something read the body of a signed request before', async () => {
    const made = await makeApi();
    const headers = [['Content-Type', 'text/plain']] as const;
    const request = await sign(made.agent, { body: 'a', headers });
    await request.text();
    const response = await doors['a plain handler']?.(made, 'identity')(request);
    expect(response?.status).toBe(500);
    expect(made.ran).toEqual([]);
    expect(made.refused).toMatchObject([{ code: 'configuration_invalid', rule: 'body_used' }]);
  });
});

describe('verify', () => {
  it('gives access, a challenge or a refusal, and throws nothing', async () => {
    const { api, agent } = await makeApi();
    const message = await signedMessage(agent, { url: DATA });
    expect(await api.verify(message, 'identity')).toMatchObject({
      type: 'access',
      access: { level: 'identity' },
    });
    expect(await api.verify(message, READ)).toMatchObject({
      type: 'challenge',
      challenge: { kind: 'auth-token' },
    });
    expect(await api.verify(withBrokenSignature(message), READ)).toMatchObject({
      type: 'challenge',
      challenge: { kind: 'identity' },
      error: { code: 'invalid_signature' },
    });
    const elsewhere = changedHeader(message, 'host', () => 'other.example');
    expect(await api.verify(elsewhere, READ)).toMatchObject({
      type: 'refusal',
      error: { code: 'misdirected_request' },
    });
    const absolute = { ...message, target: DATA };
    expect(await api.verify(absolute, READ)).toMatchObject({
      type: 'refusal',
      error: { code: 'invalid_request' },
    });
  });
});
