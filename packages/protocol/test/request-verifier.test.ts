import { readFileSync } from 'node:fs';
import {
  type HeaderLine,
  type HttpMessage,
  importSigningKey,
  type SignatureKey,
} from '@countersign/httpsig';
import {
  type AAuthError,
  createRequestVerifier,
  errorResponse,
  type JsonObject,
  loadKeySet,
  memoryReplayStore,
  type RequestVerifierOptions,
} from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import {
  authTokenFor,
  changedHeader,
  compact,
  decoded,
  FakeDiscovery,
  holder,
  identifier,
  jwksOf,
  makeAgent,
  makeAuthServer,
  makeBareKey,
  makeDelegate,
  makeKeys,
  makeResource,
  makeSigningKey,
  makeWorld,
  NOW,
  privateJwk,
  refusalOf,
  type Shape,
  signedMessage,
  type Signer,
  testClock,
  withBrokenSignature,
  withoutHeader,
  type World,
} from './kit.js';

const world = await makeWorld();
const { agent, resource, authServer } = world;
const url = `${resource.id}/data?a=b`;
const token = await authTokenFor(authServer, resource, agent);
const tokenHolder = holder(agent.key, token);
const delegate = await makeDelegate(agent);

/** A discovery of this test alone, that knows the three parties. */
const publish = (): FakeDiscovery =>
  new FakeDiscovery()
    .publishAgent(agent)
    .publishResource(resource)
    .publishAuthServer(authServer)
    .publishKeys(agent.id, agent.keys.jwks.keys);

function receiver(options: Partial<RequestVerifierOptions> = {}) {
  const discovery = publish();
  const clock = testClock();
  const verify = createRequestVerifier({
    id: resource.id,
    discovery,
    clock,
    trustedIssuers: [authServer.id],
    ...options,
  });
  return { discovery, clock, verify };
}

const sign = (signer: Signer, shape: Partial<Shape> = {}): Promise<HttpMessage> =>
  signedMessage(signer, { url, ...shape });

const published = (wellKnown: string, party = agent): Signer => ({
  key: party.key,
  signatureKey: jwksOf(party, wellKnown),
});

/** The agent's key, found as this says. */
const found = (signatureKey: SignatureKey): Signer => ({ key: agent.key, signatureKey });

async function wire(error: AAuthError): Promise<string> {
  const response = errorResponse(error);
  return JSON.stringify([response.status, [...response.headers], await response.text()]);
}

describe('a caller is', () => {
  it('a key when the key itself is sent, and nobody is asked', async () => {
    const bare = await makeBareKey();
    const { verify, discovery } = receiver();
    const { caller } = await verify(await sign(bare));
    expect(caller).toMatchObject({ kind: 'key', scheme: 'hwk' });
    expect(caller.key.thumbprint).toBe(bare.key.thumbprint);
    expect(discovery.lookups).toEqual([]);
  });

  it('a key when a JWKS URL is named', async () => {
    const jwks = `${agent.id}/jwks.json`;
    const { verify, discovery } = receiver();
    const message = await sign(found({ scheme: 'jwks', mode: 'url', jwks, kid: 'key-1' }));
    expect((await verify(message)).caller).toMatchObject({ kind: 'key', scheme: 'jwks' });
    expect(discovery.lookups).toEqual([{ asked: 'keyAt', of: jwks, kid: 'key-1' }]);
  });

  it('a key when an identifier is named without a document', async () => {
    const { verify, discovery } = receiver();
    const { kid } = agent.keys.current;
    const message = await sign(found({ scheme: 'jwks', mode: 'identifier', id: agent.id, kid }));
    expect((await verify(message)).caller).toMatchObject({ kind: 'key', scheme: 'jwks' });
    expect(discovery.lookups).toEqual([{ asked: 'keyAt', of: agent.id, kid: 'key-1' }]);
  });

  it.each(['aauth-resource', 'aauth-issuer'])(
    'a key when the document named is %s',
    async (wellKnown) => {
      const { verify, discovery } = receiver();
      const party = await makeAgent('https://party.example');
      const names = { 'aauth-resource': 'resource', 'aauth-issuer': 'issuer' } as const;
      discovery.publishKeys(`${party.id}/jwks.json`, party.keys.jwks.keys);
      discovery.publishDocument(party.id, wellKnown, {
        [names[wellKnown as keyof typeof names]]: party.id,
        jwks_uri: `${party.id}/jwks.json`,
        agent_token_endpoint: `${party.id}/a`,
        agent_auth_endpoint: `${party.id}/b`,
      });
      const { caller } = await verify(await sign(published(wellKnown, party)));
      expect(caller).toMatchObject({ kind: 'key', scheme: 'jwks' });
      expect(caller).not.toHaveProperty('agent');
      expect(discovery.lookups).toMatchObject([{ of: party.id, wellKnown }]);
    },
  );

  it('an agent when its agent document is named', async () => {
    const { verify, discovery } = receiver();
    const { caller, signature } = await verify(await sign(agent));
    expect(caller).toMatchObject({ kind: 'agent', scheme: 'jwks', agent: agent.id });
    expect(caller).toHaveProperty('delegate', undefined);
    expect(caller.key).toBe(signature.resolved.key);
    expect(discovery.lookups).toEqual([
      { asked: 'publishedKey', of: agent.id, wellKnown: 'aauth-agent', kid: 'key-1' },
    ]);
  });

  it('an agent with its delegate when an agent token is shown', async () => {
    const { verify, discovery } = receiver();
    const { caller } = await verify(await sign(delegate));
    expect(caller).toMatchObject({
      kind: 'agent',
      scheme: 'jwt',
      agent: agent.id,
      delegate: 'delegate-1',
    });
    expect(caller.key.thumbprint).toBe(delegate.key.thumbprint);
    expect(discovery.lookups).toMatchObject([{ of: agent.id, wellKnown: 'aauth-agent' }]);
  });

  it('an agent when its token names this receiver', async () => {
    const named = await makeDelegate(agent, { audience: resource.id });
    const { verify } = receiver();
    expect((await verify(await sign(named))).caller.kind).toBe('agent');
  });

  it('the holder of an auth token', async () => {
    const { verify, discovery } = receiver();
    const { caller } = await verify(await sign(tokenHolder));
    expect(caller).toMatchObject({
      kind: 'token-holder',
      token: { agent: agent.id, scope: ['data.read'], subject: 'testuser' },
    });
    expect(discovery.lookups).toEqual([
      { asked: 'publishedKey', of: authServer.id, wellKnown: 'aauth-issuer', kid: 'auth-key-1' },
    ]);
  });

  it('the holder of a token that names no agent, when it is one for signing in', async () => {
    const signIn = await authTokenFor(authServer, resource, agent, { agent: undefined });
    const { caller } = await receiver().verify(await sign(holder(agent.key, signIn)));
    expect(caller).toMatchObject({ kind: 'token-holder', token: { agent: undefined } });
  });

  it('the holder of an expired auth token, whom to challenge is known', async () => {
    const old = await authTokenFor(authServer, resource, agent, { now: NOW - 7200 });
    const { caller } = await receiver().verify(await sign(holder(agent.key, old)));
    expect(caller).toMatchObject({ kind: 'expired-token-holder', token: { agent: agent.id } });
  });
});

describe('a request is refused, and nobody is asked,', () => {
  const bodied: Partial<Shape> = { headers: [['Content-Type', 'text/plain']], body: 'text' };
  const x509: SignatureKey = { scheme: 'x509', x5u: 'https://agent.example/c.pem', x5t: 'abc' };
  const forged = (change: JsonObject, header: JsonObject = {}) => {
    const parts = decoded(token);
    return compact(
      { ...parts.header, ...header },
      { ...parts.payload, ...change },
      authServer.keys.current,
    );
  };
  const agentToken = (change: JsonObject) => {
    const parts = decoded(delegate.jwt);
    return compact(parts.header, { ...parts.payload, ...change }, agent.key);
  };

  const table: [string, string, string, () => Promise<HttpMessage>][] = [
    [
      'unsigned',
      'invalid_signature',
      'header_missing',
      async () => ({ method: 'GET', target: '/', headers: [] }),
    ],
    [
      'without Signature',
      'invalid_signature',
      'header_missing',
      async () => withoutHeader(await sign(agent), 'signature'),
    ],
    [
      'without Signature-Key',
      'invalid_signature',
      'header_missing',
      async () => withoutHeader(await sign(agent), 'signature-key'),
    ],
    [
      'by x509, without trust roots',
      'invalid_signature',
      'scheme_unsupported',
      () => sign(found(x509)),
    ],
    [
      'by a scheme nobody knows',
      'invalid_signature',
      'scheme_unsupported',
      async () =>
        changedHeader(await sign(agent), 'signature-key', (v) =>
          v.replace('scheme=jwks', 'scheme=magic'),
        ),
    ],
    [
      'by an unknown document',
      'invalid_signature',
      'well_known_unknown',
      () => sign(published('aauth-person')),
    ],
    [
      'by a document with a path',
      'invalid_signature',
      'well_known_unknown',
      () => sign(published('aauth-agent/../x')),
    ],
    [
      'by an inherited name',
      'invalid_signature',
      'well_known_unknown',
      () => sign(published('constructor')),
    ],
    ...[
      'https://agent.example/',
      'https://Agent.example',
      'http://agent.example',
      'http://127.0.0.1:8001',
      'agent.example',
      'https://agent.example:443',
      'file:///etc/passwd',
    ].map((id): (typeof table)[number] => [
      `by the identifier ${id}`,
      'invalid_signature',
      'id_invalid',
      () =>
        sign(
          found({ scheme: 'jwks', mode: 'identifier', id, kid: 'key-1', wellKnown: 'aauth-agent' }),
        ),
    ]),
    [
      '61 seconds old',
      'invalid_signature',
      'created_out_of_window',
      () => sign(agent, { created: NOW - 61 }),
    ],
    [
      '61 seconds early',
      'invalid_signature',
      'created_out_of_window',
      () => sign(agent, { created: NOW + 61 }),
    ],
    [
      'stale, with a good token',
      'invalid_signature',
      'created_out_of_window',
      () => sign(tokenHolder, { created: NOW - 61 }),
    ],
    [
      'with another body',
      'invalid_signature',
      'digest_mismatch',
      async () => ({ ...(await sign(agent, bodied)), body: new Uint8Array([1]) }),
    ],
    [
      'with a body that was not signed',
      'invalid_signature',
      'component_missing',
      async () => ({ ...(await sign(agent)), body: new Uint8Array([1]) }),
    ],
    [
      'with its body gone',
      'invalid_signature',
      'component_unexpected',
      async () => ({ ...(await sign(agent, bodied)), body: undefined }),
    ],
    [
      'with a query added',
      'invalid_signature',
      'component_missing',
      async () => ({
        ...(await sign(agent, { url: `${resource.id}/data` })),
        target: '/data?admin=1',
      }),
    ],
    [
      'for another host',
      'misdirected_request',
      'authority_mismatch',
      () => sign(agent, { url: 'https://other.example/data' }),
    ],
    [
      'with an absolute target',
      'invalid_request',
      'target_invalid',
      async () => ({ ...(await sign(agent)), target: url }),
    ],
    [
      'with a second Host',
      'invalid_signature',
      'header_repeated',
      async () => {
        const m = await sign(agent);
        return { ...m, headers: [...m.headers, ['host', resource.authority]] };
      },
    ],
    [
      'with a token that is junk',
      'invalid_token',
      'token_malformed',
      () => sign(holder(agent.key, 'junk')),
    ],
    [
      'with a token without signature',
      'invalid_token',
      'token_unsigned',
      () => sign(holder(agent.key, `${token.slice(0, token.lastIndexOf('.'))}.`)),
    ],
    [
      'with a token of another type',
      'invalid_token',
      'token_type',
      async () => sign(holder(agent.key, await forged({}, { typ: 'JWT' }))),
    ],
    [
      'with a resource token',
      'invalid_token',
      'token_type',
      async () => sign(holder(agent.key, await forged({}, { typ: 'resource+jwt' }))),
    ],
    [
      'with an auth token for somebody else',
      'invalid_token',
      'aud_other',
      async () => sign(holder(agent.key, await forged({ aud: 'https://other.example' }))),
    ],
    [
      'with an auth token of an auth server that is not trusted',
      'invalid_token',
      'issuer_untrusted',
      async () =>
        sign(
          holder(
            agent.key,
            await authTokenFor(await makeAuthServer('https://other.example'), resource, agent),
          ),
        ),
    ],
    [
      'with an auth token that lasts too long',
      'invalid_token',
      'exp_too_far',
      async () => sign(holder(agent.key, await forged({ exp: NOW + 90_000 }))),
    ],
    [
      'with an auth token without a key',
      'invalid_token',
      'cnf_missing',
      async () => sign(holder(agent.key, await forged({ cnf: {} }))),
    ],
    [
      'with an agent token for somebody else',
      'invalid_token',
      'aud_other',
      async () => sign(holder(delegate.key, await agentToken({ aud: 'https://other.example' }))),
    ],
    [
      'with an expired agent token',
      'invalid_token',
      'token_expired',
      async () => sign(holder(delegate.key, await agentToken({ exp: NOW - 10 }))),
    ],
    [
      'with an agent token of a loopback agent',
      'invalid_token',
      'iss_invalid',
      async () => sign(holder(delegate.key, await agentToken({ iss: 'http://127.0.0.1:8001' }))),
    ],
  ];

  it.each<[string, string, string | undefined]>([
    ['with a nonce that is too short', 'nonce_invalid', 'AAECAwQF'],
    ['with a nonce that is padded', 'nonce_invalid', 'AAECAwQFBgcICQoLDA=='],
    ['without the nonce that is required', 'nonce_required', undefined],
  ])('%s', async (_what, rule, nonce) => {
    const replay = memoryReplayStore({ clock: testClock(), nothingBeforeStart: true });
    const { verify, discovery } = receiver({ replay: { replay, requireNonce: true } });
    const headers: HeaderLine[] = nonce === undefined ? [] : [['Nonce', nonce]];
    const refused = verify(await sign(agent, { method: 'POST', headers }));
    expect(await refusalOf(refused)).toMatchObject({ code: 'invalid_signature', rule });
    expect(discovery.lookups).toEqual([]);
    const good: HeaderLine[] = [['Nonce', 'AAECAwQFBgcICQoL']];
    await verify(await sign(agent, { method: 'POST', headers: good }));
  });

  it.each(table)('%s: %s, %s', async (_what, code, rule, make) => {
    const { verify, discovery } = receiver();
    expect(await refusalOf(verify(await make()))).toMatchObject({ code, rule });
    expect(discovery.lookups).toEqual([]);
    await verify(await sign(agent));
  });
});

describe('a request is refused after its key was found,', () => {
  const stranger = makeSigningKey();
  it.each<[string, () => Promise<HttpMessage>]>([
    ['when its signature is broken', async () => withBrokenSignature(await sign(agent))],
    ['when its method is changed', async () => ({ ...(await sign(agent)), method: 'DELETE' })],
    ['when its path is changed', async () => ({ ...(await sign(agent)), target: '/admin?a=b' })],
    ['when its query is changed', async () => ({ ...(await sign(agent)), target: '/data?a=c' })],
    ['when it was signed for another host', () => sign(agent, { authority: 'other.example' })],
    ['when another key signed it', async () => sign({ ...agent, key: await stranger })],
    [
      'when its auth token is bound to another key',
      async () => sign(holder(await stranger, token)),
    ],
    [
      'when its auth token is bound to the key of a delegate',
      () => sign(holder(delegate.key, token)),
    ],
    [
      'when its agent token is bound to another key',
      async () => sign(holder(await stranger, delegate.jwt)),
    ],
    [
      'when the agent server signed with the token of its delegate',
      () => sign(holder(agent.key, delegate.jwt)),
    ],
    [
      'when its created was changed',
      async () =>
        changedHeader(await sign(agent), 'signature-input', (v) =>
          v.replace(String(NOW), String(NOW + 1)),
        ),
    ],
  ])('%s', async (_what, make) => {
    const { verify, discovery } = receiver();
    const error = await refusalOf(verify(await make()));
    expect(error).toMatchObject({ code: 'invalid_signature', rule: 'signature_invalid' });
    expect(discovery.count).toBe(1);
  });

  it('when a forged copy of its token was signed by the agent itself', async () => {
    const { header, payload } = decoded(token);
    const forged = await compact(header, { ...payload, scope: 'admin' }, agent.key);
    const { verify } = receiver();
    const error = await refusalOf(verify(await sign(holder(agent.key, forged))));
    expect(error).toMatchObject({ code: 'invalid_token', rule: 'token_signature' });
  });

  it('when its signature is the one of another request', async () => {
    const one = await sign(agent, { url: `${resource.id}/one` });
    const two = await sign(agent, { url: `${resource.id}/two` });
    const error = await refusalOf(receiver().verify({ ...two, target: one.target }));
    expect(error).toMatchObject({ rule: 'signature_invalid' });
  });
});

describe('whatever is wrong with a host that a stranger named is the same answer', () => {
  const weak = { kty: 'OKP', crv: 'Ed25519', x: `AQ${'A'.repeat(41)}`, kid: 'key-1' };
  const jwks = `${agent.id}/jwks.json`;
  const faults: [string, (discovery: FakeDiscovery) => void][] = [
    ['it cannot be reached', (d) => d.fail(agent.id)],
    ['it publishes no document', (d) => d.publishDocument(agent.id, 'aauth-agent', {})],
    [
      'its document is of somebody else',
      (d) => d.publishDocument(agent.id, 'aauth-agent', { agent: resource.id, jwks_uri: jwks }),
    ],
    [
      'its document names no keys',
      (d) => d.publishDocument(agent.id, 'aauth-agent', { agent: agent.id }),
    ],
    [
      'its keys are nowhere',
      (d) =>
        d.publishDocument(agent.id, 'aauth-agent', {
          agent: agent.id,
          jwks_uri: `${agent.id}/nowhere`,
        }),
    ],
    [
      'its keys are at no URL',
      (d) => d.publishDocument(agent.id, 'aauth-agent', { agent: agent.id, jwks_uri: 'nowhere' }),
    ],
    ['it has no such key', (d) => d.publishKeys(jwks, [])],
    [
      'it has two such keys',
      (d) => d.publishKeys(jwks, [agent.key.publicJwk, agent.key.publicJwk]),
    ],
    ['its key is weak', (d) => d.publishKeys(jwks, [weak])],
    ['its key is malformed', (d) => d.publishKeys(jwks, [{ kid: 'key-1', kty: 'OKP' }])],
  ];
  const signers: [string, Signer][] = [
    ['a published key', agent],
    ['an agent token', delegate],
  ];

  describe.each(signers)('for %s', (_signer, signer) => {
    it('as long as it is wrong', async () => {
      const answers = new Set<string>();
      for (const [, break_] of faults) {
        const { verify, discovery } = receiver();
        break_(discovery);
        const error = await refusalOf(verify(await sign(signer)));
        expect(error.code).toBe('invalid_signature');
        expect(error.message).not.toContain('agent.example');
        answers.add(await wire(error));
      }
      expect(answers.size).toBe(1);
    });

    it.each(faults)('and the log knows the reason when %s', async (_what, break_) => {
      const { verify, discovery } = receiver();
      break_(discovery);
      const { rule } = await refusalOf(verify(await sign(signer)));
      expect(['discovery_failed', 'kid_unknown']).toContain(rule);
    });

    it('and the next request after it recovered is accepted', async () => {
      const { verify, discovery } = receiver();
      discovery.fail(agent.id);
      await refusalOf(verify(await sign(signer)));
      discovery.recover(agent.id);
      expect((await verify(await sign(signer))).caller.kind).toBe('agent');
    });
  });

  it('for a JWKS URL and an identifier without document too', async () => {
    const kid = 'key-1';
    const answers = new Set<string>();
    for (const signatureKey of [
      { scheme: 'jwks', mode: 'url', jwks: `${agent.id}/jwks.json`, kid: 'other' },
      { scheme: 'jwks', mode: 'url', jwks: 'https://nowhere.example/jwks.json', kid },
      { scheme: 'jwks', mode: 'url', jwks: 'not a URL', kid },
      { scheme: 'jwks', mode: 'identifier', id: 'https://nowhere.example', kid },
    ] as const) {
      answers.add(await wire(await refusalOf(receiver().verify(await sign(found(signatureKey))))));
    }
    expect(answers.size).toBe(1);
  });

  it('but a fault of our own is not hidden in it', async () => {
    const { verify, discovery } = receiver();
    discovery.fail(agent.id, new TypeError('a bug'));
    await expect(verify(await sign(agent))).rejects.toThrow(TypeError);
  });
});

describe('a trusted auth server', () => {
  it('that cannot be asked is a matter of time, not of the request', async () => {
    const { verify, discovery } = receiver();
    discovery.fail(authServer.id);
    const error = await refusalOf(verify(await sign(tokenHolder)));
    expect(error).toMatchObject({ code: 'temporarily_unavailable', retryAfterSeconds: 10 });
    discovery.recover(authServer.id);
    expect((await verify(await sign(tokenHolder))).caller.kind).toBe('token-holder');
  });

  it('that does not have the key is a matter of the token', async () => {
    const { verify, discovery } = receiver();
    discovery.publishKeys(`${authServer.id}/jwks.json`, []);
    const error = await refusalOf(verify(await sign(tokenHolder)));
    expect(error).toMatchObject({ code: 'invalid_token', rule: 'kid_unknown' });
  });

  it('may be one that a function knows', async () => {
    const asked: string[] = [];
    const trustedIssuers = async (issuer: string): Promise<boolean> => {
      asked.push(issuer);
      return issuer === authServer.id;
    };
    const { verify, discovery } = receiver({ trustedIssuers });
    expect((await verify(await sign(tokenHolder))).caller.kind).toBe('token-holder');
    const other = await authTokenFor(
      await makeAuthServer('https://other.example'),
      resource,
      agent,
    );
    const error = await refusalOf(verify(await sign(holder(agent.key, other))));
    expect(error.rule).toBe('issuer_untrusted');
    expect(asked).toEqual([authServer.id, 'https://other.example']);
    expect(discovery.count).toBe(1);
  });

  it('is needed: without the option no auth token is accepted and nobody is asked', async () => {
    const discovery = publish();
    const verify = createRequestVerifier({ id: resource.id, discovery, clock: testClock() });
    const error = await refusalOf(verify(await sign(tokenHolder)));
    expect(error).toMatchObject({ code: 'invalid_token', rule: 'token_type' });
    expect(discovery.count).toBe(0);
    expect((await verify(await sign(delegate))).caller.kind).toBe('agent');
  });
});

describe('a token that was verified before', () => {
  const signers: [string, Signer, string][] = [
    ['auth', tokenHolder, authServer.id],
    ['agent', delegate, agent.id],
  ];

  describe.each(signers)('(%s)', (name, signer, issuer) => {
    it('is accepted again, and its issuer still asked for the key, once a second', async () => {
      const { verify, discovery, clock } = receiver();
      const first = await verify(await sign(signer));
      const second = await verify(await sign(signer));
      expect(discovery.lookups.map(({ of }) => of)).toEqual([issuer]);
      clock.advance(1);
      const third = await verify(await sign(signer));
      expect([second.caller, third.caller]).toEqual([first.caller, first.caller]);
      expect(discovery.lookups.map(({ of }) => of)).toEqual([issuer, issuer]);
    });

    it('is of no use to the holder of another key', async () => {
      const { verify } = receiver();
      await verify(await sign(signer));
      const thief = { ...signer, key: await makeSigningKey() };
      expect(await refusalOf(verify(await sign(thief)))).toMatchObject({
        rule: 'signature_invalid',
      });
    });

    it('is refused once its issuer publishes another key of that name', async () => {
      const { verify, discovery, clock } = receiver();
      await verify(await sign(signer));
      clock.advance(1);
      const kid = name === 'auth' ? 'auth-key-1' : 'key-1';
      discovery.publishKeys(`${issuer}/jwks.json`, (await makeKeys(kid)).jwks.keys);
      const error = await refusalOf(verify(await sign(signer)));
      expect(error).toMatchObject({ code: 'invalid_token', rule: 'token_signature' });
    });

    it('is refused once its issuer has taken the key back', async () => {
      const { verify, discovery, clock } = receiver();
      await verify(await sign(signer));
      clock.advance(1);
      discovery.publishKeys(`${issuer}/jwks.json`, []);
      expect(await refusalOf(verify(await sign(signer)))).toMatchObject({ rule: 'kid_unknown' });
    });

    it('expires all the same', async () => {
      const { verify, clock } = receiver();
      await verify(await sign(signer));
      clock.advance(3609);
      await verify(await sign(signer, { created: clock() }));
      clock.advance(1);
      const late = verify(await sign(signer, { created: clock() }));
      if (name === 'auth') expect((await late).caller.kind).toBe('expired-token-holder');
      else expect(await refusalOf(late)).toMatchObject({ rule: 'token_expired' });
    });

    it('is not what a token is that differs in its signature', async () => {
      const { verify } = receiver();
      await verify(await sign(signer));
      const { jwt } = signer.signatureKey as { jwt: string };
      const other = jwt.slice(0, -8) + (jwt.endsWith('AAAAAAAA') ? 'BBBBBBBA' : 'AAAAAAAA');
      const error = await refusalOf(verify(await sign(holder(signer.key, other))));
      expect(error).toMatchObject({ code: 'invalid_token' });
    });

    it('is not known to another receiver', async () => {
      const { verify } = receiver();
      await verify(await sign(signer));
      const other = await makeResource('https://other.example');
      const elsewhere = receiver({ id: other.id });
      const message = await sign(signer, { url: `${other.id}/` });
      if (name === 'agent') await elsewhere.verify(message);
      else expect(await refusalOf(elsewhere.verify(message))).toMatchObject({ rule: 'aud_other' });
    });
  });

  it('is refused once its issuer is not trusted any more, and nobody is asked', async () => {
    let trusted = true;
    const { verify, discovery, clock } = receiver({ trustedIssuers: () => trusted });
    await verify(await sign(tokenHolder));
    clock.advance(1);
    trusted = false;
    expect(await refusalOf(verify(await sign(tokenHolder)))).toMatchObject({
      rule: 'issuer_untrusted',
    });
    expect(discovery.count).toBe(1);
  });

  it('is a matter of time while its issuer cannot be asked', async () => {
    const { verify, discovery, clock } = receiver();
    await verify(await sign(tokenHolder));
    clock.advance(1);
    discovery.fail(authServer.id);
    expect(await refusalOf(verify(await sign(tokenHolder)))).toMatchObject({
      code: 'temporarily_unavailable',
    });
  });
});

describe('the wires', () => {
  it.each(['rfc9421', '2026-02'] as const)(
    '%s is accepted unless otherwise said',
    async (wire_) => {
      const { signature } = await receiver().verify(await sign(agent, { wire: wire_ }));
      expect(signature.wire).toBe(wire_);
    },
  );

  it('2026-01 is refused unless it was named', async () => {
    const message = await sign(agent, { wire: '2026-01' });
    expect(await refusalOf(receiver().verify(message))).toMatchObject({
      code: 'invalid_signature',
    });
    const { signature } = await receiver({ acceptWire: ['2026-01'] }).verify(message);
    expect(signature.wire).toBe('2026-01');
  });

  it('rfc9421 is refused where only 2026-01 was named', async () => {
    const { verify } = receiver({ acceptWire: ['2026-01'] });
    expect(await refusalOf(verify(await sign(agent)))).toMatchObject({ code: 'invalid_signature' });
  });
});

describe('the captured run', () => {
  const captured = JSON.parse(
    readFileSync(
      new URL('../../httpsig/test/vectors/transcript-2026-01.json', import.meta.url),
      'utf8',
    ),
  ) as {
    agentKey: { jwk: object };
    firstRequest: { headers: Record<string, string> };
  };
  const first: HttpMessage = {
    method: 'GET',
    target: '/data-auth',
    headers: [['Host', '127.0.0.1:8002'], ...Object.entries(captured.firstRequest.headers)],
  };
  const id = identifier('http://127.0.0.1:8001');
  const discovery = new FakeDiscovery()
    .publishDocument(id, 'aauth-agent', { agent: id, jwks_uri: `${id}/jwks.json` })
    .publishKeys(`${id}/jwks.json`, [captured.agentKey.jwk]);
  const options = {
    id: identifier('http://127.0.0.1:8002'),
    discovery,
    clock: testClock(1768786017),
    insecureLoopback: true,
  };

  it('has a request of its agent', async () => {
    const verify = createRequestVerifier({ ...options, acceptWire: ['2026-01'] });
    expect((await verify(first)).caller).toMatchObject({ kind: 'agent', agent: id });
  });

  it('is nothing to a receiver that did not name its wire', async () => {
    const error = await refusalOf(createRequestVerifier(options)(first));
    expect(error).toMatchObject({ code: 'invalid_signature' });
  });

  it('is nothing to a receiver without insecure loopback, which asks nobody', async () => {
    const asked = discovery.count;
    const { insecureLoopback: _insecure, ...secure } = options;
    const verify = createRequestVerifier({ ...secure, acceptWire: ['2026-01'] });
    expect(await refusalOf(verify(first))).toMatchObject({ rule: 'id_invalid' });
    expect(discovery.count).toBe(asked);
  });
});

describe('the settings of a receiver', () => {
  it('may name further authorities, and the signature must be for the one asked', async () => {
    const { verify } = receiver({ authorities: [resource.authority, 'api.example:8443'] });
    const message = await sign(agent, { url: 'https://api.example:8443/data' });
    expect((await verify(message)).signature.authority).toBe('api.example:8443');
    const crossed = changedHeader(message, 'host', () => resource.authority);
    expect(await refusalOf(verify(crossed))).toMatchObject({ rule: 'signature_invalid' });
  });

  it('may narrow or widen the window of created', async () => {
    const late = await sign(agent, { created: NOW - 50 });
    await receiver().verify(late);
    expect(await refusalOf(receiver({ windowSeconds: 49 }).verify(late))).toMatchObject({
      rule: 'created_out_of_window',
    });
    const later = await sign(agent, { created: NOW - 300 });
    await receiver({ windowSeconds: 300 }).verify(later);
  });

  it('may narrow the allowance for tokens', async () => {
    const old = await authTokenFor(authServer, resource, agent, { now: NOW - 3605 });
    const message = await sign(holder(agent.key, old));
    expect((await receiver().verify(message)).caller.kind).toBe('token-holder');
    const { caller } = await receiver({ skewSeconds: 0 }).verify(message);
    expect(caller.kind).toBe('expired-token-holder');
  });

  it('may shorten the lifetime of auth tokens', async () => {
    const message = await sign(tokenHolder);
    const error = await refusalOf(receiver({ maxAuthTokenSeconds: 600 }).verify(message));
    expect(error).toMatchObject({ rule: 'exp_too_far' });
  });
});

it('keys of every type sign requests', async () => {
  for (const algorithm of [
    'ed25519',
    'ecdsa-p256-sha256',
    'ecdsa-p384-sha384',
    'rsa-pss-sha512',
  ] as const) {
    const keys = await loadKeySet({ keys: [await privateJwk(algorithm)] });
    const party = { ...agent, keys, key: keys.current };
    const { verify, discovery } = receiver();
    discovery.publishAgent(party);
    const { caller } = await verify(await sign(party));
    expect(caller).toMatchObject({ kind: 'agent' });
    expect(caller.key.algorithm.name).toBe(algorithm);
  }
});

it('a delegate whose cnf names a key of another type signs with that one', async () => {
  const key = await importSigningKey(await privateJwk('ecdsa-p256-sha256'));
  const { header, payload } = decoded(delegate.jwt);
  const jwt = await compact(header, { ...payload, cnf: { jwk: key.publicJwk } }, agent.key);
  const { caller } = await receiver().verify(await sign(holder(key, jwt)));
  expect(caller.key.algorithm.name).toBe('ecdsa-p256-sha256');
});

it('the world of these tests asks nobody by itself', () => {
  const { discovery }: World = world;
  expect(discovery.count).toBe(0);
});
