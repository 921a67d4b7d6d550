import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type JsonObject, signJws } from '@countersign/protocol';
import {
  authTokenFor,
  changedHeader,
  decoded,
  holder,
  jwksOf,
  makeAgent,
  makeAuthServer,
  makeKeys,
  makeResource,
  type Party,
  requestOf,
  type Signer,
  signedMessage,
} from '../../../protocol/test/kit.js';
import {
  alwaysAskPerson,
  type ExchangePolicy,
  neverAskPerson,
  type Policy,
  type PolicyDecision,
  rulePolicy,
} from '../../src/index.js';
import { CALLER, type Change, claimsOf, DOWNSTREAM, ExchangeBench } from './exchange-kit.js';
import { type Answer, type Bench, type Contents, FORM, ISSUER, nonce } from './kit.js';

let kit: ExchangeBench;
let bench: Bench;
let before: Contents;
beforeAll(async () => {
  kit = await ExchangeBench.open({ trustedIssuers: ['https://trusted.example'] });
  bench = kit.bench;
});
afterAll(() => bench.close());
beforeEach(() => {
  before = bench.contents();
  bench.discovery.lookups.length = 0;
});

/** Status, error and private rule of a refusal after which nothing has been stored. */
function expectRefused(answer: Answer, status: number, error: string, rule: string): void {
  expect([answer.status, answer.json['error'], bench.refused.at(-1)?.rule]).toEqual([
    status,
    error,
    rule,
  ]);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  expect(answer.headers.has('agent-auth')).toBe(status === 401);
  expect(answer.text).not.toContain('eyJ');
  expect(bench.contents()).toEqual(before);
}

const refusedToken = async (upstream: string, rule: string): Promise<void> =>
  expectRefused(await kit.exchange({ upstream }), 401, 'invalid_token', rule);

const nobodyAsked = () => bench.discovery.lookups.length === 0;

describe('request_type=exchange', () => {
  it('gives the caller a token for the downstream resource, bound to its key and to the person', async () => {
    const answer = await kit.exchange();
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(Object.keys(answer.json)).toEqual(['auth_token', 'expires_in', 'token_type']);
    const claims = claimsOf(answer);
    expect(claims).toEqual({
      iss: ISSUER,
      aud: DOWNSTREAM,
      cnf: { jwk: kit.key.publicJwk },
      scope: 'items.read',
      exp: bench.clock() + 3600,
      agent: CALLER,
      sub: 'sub-ada',
      iat: bench.clock(),
      jti: claims['jti'],
      act: { agent: bench.agent.id, sub: 'sub-ada' },
    });
    const parent = decoded(kit.upstream).payload['jti'];
    const rows = bench.contents()['issued_tokens'] ?? [];
    expect(rows.at(-1)).toMatchObject({
      jti: claims['jti'],
      agent: CALLER,
      audience: DOWNSTREAM,
      subject: 'sub-ada',
      parent_jti: parent,
      grant_id: rows.find(({ jti }) => jti === parent)?.['grant_id'],
    });
    expect(bench.count('refresh_tokens')).toBe(before['refresh_tokens']?.length);
  });

  it('asks nobody but the caller for its key and the downstream resource for its own', async () => {
    await kit.exchange();
    expect(bench.discovery.lookups.map(({ asked, of }) => [asked, of])).toEqual([
      ['keyByThumbprint', CALLER],
      ['publishedKey', DOWNSTREAM],
    ]);
  });

  it('is announced in the metadata', async () => {
    const answer = await bench.send(new Request(`${ISSUER}/.well-known/aauth-issuer`));
    expect(answer.json['request_types_supported']).toContain('exchange');
  });

  it('gives a token that lives no longer than the upstream one', async () => {
    bench.clock.advance(3500);
    try {
      const answer = await kit.exchange();
      expect([answer.status, answer.json['expires_in']]).toEqual([200, 100]);
      expect(claimsOf(answer)['exp']).toBe(decoded(kit.upstream).payload['exp']);
    } finally {
      bench.clock.advance(-3500);
    }
  });

  it('takes a key that the caller publishes as a resource only', async () => {
    const caller = await makeResource('https://only.example');
    bench.discovery.publishResource(caller);
    const upstream = await kit.forged({ aud: caller.id });
    const answer = await kit.exchange({ caller, upstream });
    // The key was found; policy has no rule for this caller.
    expectRefused(answer, 403, 'access_denied', 'exchange_denied');
  });
});

describe('The form of an exchange', () => {
  const send = async (body: string, more: object = {}) =>
    await bench.send(await bench.tokenRequest(body, holder(kit.key, kit.upstream), more));

  it('must carry a resource token', async () => {
    const answer = await send('request_type=exchange');
    expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_request']);
    expect(bench.contents()).toEqual(before);
    expect(nobodyAsked()).toBe(true);
  });

  it('may carry no parameter twice', async () => {
    const token = await kit.resourceToken();
    const answer = await send(
      `request_type=exchange&resource_token=${token}&resource_token=${token}`,
    );
    expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_request']);
    expect(bench.contents()).toEqual(before);
    expect(nobodyAsked()).toBe(true);
  });

  it('must be a form', async () => {
    const token = await kit.resourceToken();
    const answer = await send(`request_type=exchange&resource_token=${token}`, {
      headers: [['Content-Type', 'text/plain'], nonce()],
    });
    expect(answer.status).toBe(415);
    expect(nobodyAsked()).toBe(true);
  });

  it('must be the one that was digested', async () => {
    const message = await signedMessage(holder(kit.key, kit.upstream), {
      url: `${ISSUER}/agent/token`,
      headers: [['Content-Type', FORM], nonce()],
      body: `request_type=exchange&resource_token=${await kit.resourceToken()}`,
      created: bench.clock(),
    });
    const body = `request_type=exchange&resource_token=${await kit.resourceToken({ claims: { tokenId: 'other' } })}`;
    const changed = { ...message, body: new TextEncoder().encode(body) };
    const answer = await bench.send(requestOf(changed, ISSUER));
    expectRefused(answer, 401, 'invalid_signature', 'digest_mismatch');
    expect(nobodyAsked()).toBe(true);
  });
});

describe('The upstream token of an exchange', () => {
  it.each<[string, JsonObject, string]>([
    ['of an auth server that is not trusted', { iss: 'https://evil.example' }, 'issuer_untrusted'],
    ['for somebody else', { aud: 'https://other.example' }, 'aud_other'],
    ['for a list of receivers', { aud: [CALLER] }, 'aud_invalid'],
    ['without a key', { cnf: undefined as unknown as JsonObject }, 'cnf_missing'],
    ['without an end', { exp: undefined as unknown as JsonObject }, 'exp_missing'],
    ['with a chain that cannot be read', { act: { sub: 'somebody' } }, 'act_invalid'],
  ])('is refused %s, and nobody is asked', async (_, claims, rule) => {
    await refusedToken(await kit.forged(claims), rule);
    expect(nobodyAsked()).toBe(true);
  });

  it('is refused once it has expired, without any allowance', async () => {
    const now = bench.clock();
    await refusedToken(await kit.forged({ exp: now }), 'token_expired');
    await refusedToken(await kit.forged({ exp: now - 100 }), 'token_expired');
  });

  it('is refused when it is no auth token', async () => {
    await refusedToken(await kit.forged({}, 'agent+jwt'), 'token_type');
    await refusedToken(await kit.forged({}, 'resource+jwt'), 'token_type');
  });

  it('is refused when it is a sign-in token', async () => {
    await refusedToken(
      await kit.forged({ agent: undefined as unknown as JsonObject }),
      'agent_missing',
    );
  });

  it('is refused when this server did not sign it', async () => {
    const { header, payload } = decoded(kit.upstream);
    const { current } = await makeKeys(String(header['kid']));
    const token = await signJws('auth+jwt', payload, current, current.kid);
    await refusedToken(token, 'token_signature');
    await refusedToken(await signJws('auth+jwt', payload, current, 'other'), 'kid_unknown');
  });

  it('is refused when the ledger does not have it', async () => {
    await refusedToken(await kit.forged({ jti: 'never-issued' }), 'upstream_unknown');
    await refusedToken(
      await kit.forged({ jti: undefined as unknown as JsonObject }),
      'upstream_unknown',
    );
  });

  it('must stand in Signature-Key', async () => {
    const signer: Signer = { key: kit.key, signatureKey: jwksOf(bench.resource) };
    const answer = await kit.exchange({ signer });
    expectRefused(answer, 401, 'invalid_signature', 'scheme_unsupported');
    expect(bench.refused.at(-1)?.accepted).toEqual(['jwt']);
  });

  it('opens no other request type', async () => {
    const parameters = await bench.accessRequest({ signer: bench.agent });
    const answer = await bench.token(parameters, holder(bench.agent.key, kit.upstream));
    expect([answer.status, answer.json['error']]).toEqual([401, 'invalid_token']);
    expect(bench.contents()).toEqual(before);
  });
});

describe('The signature of an exchange', () => {
  it('may not be made with the key of the upstream token', async () => {
    const signer = holder(bench.agent.key, kit.upstream);
    const answer = await kit.exchange({ signer });
    expectRefused(answer, 401, 'invalid_signature', 'signature_invalid');
  });

  it('may not, even where the resource token names that key and the caller publishes it', async () => {
    bench.discovery.publishKeys(`${CALLER}/jwks.json`, [
      ...bench.resource.keys.jwks.keys,
      bench.agent.keys.current.publicJwk,
    ]);
    try {
      const signer = holder(bench.agent.key, kit.upstream);
      const claims = { agentThumbprint: bench.agent.key.thumbprint };
      const answer = await kit.exchange({ signer, claims });
      expectRefused(answer, 401, 'invalid_signature', 'upstream_key');
    } finally {
      bench.discovery.publishKeys(`${CALLER}/jwks.json`, bench.resource.keys.jwks.keys);
    }
  });

  it('is refused with a key that the caller does not publish', async () => {
    const { current } = await makeKeys('resource-key-1');
    const answer = await kit.exchange({
      signer: holder(current, kit.upstream),
      claims: { agentThumbprint: current.thumbprint },
    });
    expectRefused(answer, 401, 'invalid_signature', 'agent_jkt_unknown');
  });

  it('is refused in the same bytes while the caller cannot be reached', async () => {
    bench.discovery.fail(CALLER);
    try {
      const answer = await kit.exchange();
      expectRefused(answer, 401, 'invalid_signature', 'agent_jkt_unknown');
    } finally {
      bench.discovery.recover(CALLER);
    }
  });

  it('is refused when it is another of the caller’s keys than the resource token names', async () => {
    const second = await makeKeys('second');
    bench.discovery.publishKeys(`${CALLER}/jwks.json`, [
      ...bench.resource.keys.jwks.keys,
      second.current.publicJwk,
    ]);
    const answer = await kit.exchange({ signer: holder(second.current, kit.upstream) });
    expectRefused(answer, 401, 'invalid_signature', 'signature_invalid');
  });

  it('is refused when it is broken', async () => {
    const message = await signedMessage(holder(kit.key, kit.upstream), {
      url: `${ISSUER}/agent/token`,
      headers: [['Content-Type', FORM], nonce()],
      body: `request_type=exchange&resource_token=${await kit.resourceToken()}`,
      created: bench.clock(),
    });
    const broken = changedHeader(message, 'nonce', () => 'AAAAAAAAAAAAAAAAAAAAAA');
    const answer = await bench.send(requestOf(broken, ISSUER));
    expectRefused(answer, 401, 'invalid_signature', 'signature_invalid');
  });

  it('is refused the second time', async () => {
    const request = await kit.request();
    expect((await bench.send(request.clone())).status).toBe(200);
    before = bench.contents();
    expectRefused(await bench.send(request), 401, 'invalid_signature', 'replayed');
  });

  it('is refused too late, and nobody is asked', async () => {
    const request = await kit.request({}, { created: bench.clock() - 61 });
    expectRefused(await bench.send(request), 401, 'invalid_signature', 'created_out_of_window');
    expect(nobodyAsked()).toBe(true);
  });

  it('must cover a nonce where one is required', async () => {
    const strict = await bench.serverWith({ requireNonce: true });
    const request = await kit.request({}, { headers: [['Content-Type', FORM]] });
    const answer = await bench.send(request, undefined, strict);
    expectRefused(answer, 401, 'invalid_signature', 'nonce_required');
    expect(nobodyAsked()).toBe(true);
    expect((await bench.send(await kit.request(), undefined, strict)).status).toBe(200);
  });
});

describe('The resource token of an exchange', () => {
  it.each<[string, () => Change['claims'], string]>([
    [
      'for another auth server',
      () => ({ authServer: 'https://other.example' as never }),
      'aud_other',
    ],
    ['that has expired', () => ({ now: bench.clock() - 700 }), 'token_expired'],
    ['that lives too long', () => ({ lifetimeSeconds: 1000 }), 'exp_too_far'],
  ])('is refused %s', async (_, claims, rule) => {
    const answer = await kit.exchange({ claims: claims() ?? {} });
    expectRefused(answer, 400, 'invalid_resource_token', rule);
  });

  it('is refused when another made it', async () => {
    const stranger = { ...kit.downstream, keys: await makeKeys('resource-key-1') };
    const answer = await kit.exchange({ downstream: stranger });
    expectRefused(answer, 400, 'invalid_resource_token', 'token_signature');
  });

  it('is refused when it cannot be read', async () => {
    const answer = await kit.exchange({ resourceToken: 'e30.e30.AA' });
    expectRefused(answer, 400, 'invalid_resource_token', 'token_header_invalid');
    expect(nobodyAsked()).toBe(true);
  });

  it('about another agent makes that agent the caller, whose the upstream token is not', async () => {
    const other = await makeAgent('https://other.example');
    bench.discovery.publishAgent(other);
    const answer = await kit.exchange({ claims: { agent: other.id } });
    expectRefused(answer, 401, 'invalid_token', 'aud_other');
  });

  it('must ask for scopes', async () => {
    const answer = await kit.exchange({ claims: { authRequestUrl: `${DOWNSTREAM}/request` } });
    expectRefused(answer, 400, 'invalid_request', 'exchange_without_scope');
  });

  it('may not be the caller’s own', async () => {
    const answer = await kit.exchange({ downstream: bench.resource });
    expectRefused(answer, 400, 'invalid_request', 'audience_is_caller');
  });
});

describe('The policy on exchanges', () => {
  it('denies what no rule names: another resource', async () => {
    const downstream = await makeResource('https://elsewhere.example');
    bench.discovery.publishResource(downstream);
    const answer = await kit.exchange({ downstream });
    expectRefused(answer, 403, 'access_denied', 'exchange_denied');
  });

  it('denies what no rule names: one scope more', async () => {
    const scope = ['items.read', 'items.delete'];
    const answer = await kit.exchange({ claims: { scope } });
    expectRefused(answer, 403, 'access_denied', 'exchange_denied');
    const allowed = await kit.exchange({ claims: { scope: ['items.read', 'items.write'] } });
    expect(allowed.status).toBe(200);
  });

  it('denies a scope that merely has a name which the upstream token has too', async () => {
    const answer = await kit.exchange({ claims: { scope: ['data.read'] } });
    expectRefused(answer, 403, 'access_denied', 'exchange_denied');
  });

  it.each([
    ['asks a person always', alwaysAskPerson],
    [
      'is a plain function, even one that grants everything',
      () => ({ decision: 'grant' }) as const,
    ],
  ])('denies all of them where it %s', async (_, policy) => {
    const server = await bench.serverWith({ policy });
    const answer = await bench.send(await kit.request(), undefined, server);
    expectRefused(answer, 403, 'access_denied', 'exchange_denied');
  });

  it('allows, where it never asks, scopes with the names that the upstream token has', async () => {
    const server = await bench.serverWith({ policy: neverAskPerson });
    const send = async (scope: string[]) =>
      await bench.send(await kit.request({ claims: { scope } }), undefined, server);
    expectRefused(await send(['items.read']), 403, 'access_denied', 'exchange_denied');
    expectRefused(await send(['data.read', 'data.write']), 403, 'access_denied', 'exchange_denied');
    expect((await send(['data.read'])).status).toBe(200);
  });
});

describe('An upstream token that was approved for something in particular', () => {
  const PAYMENT = { type: 'payment', amount: '20' };
  const RULE = { caller: CALLER, audience: DOWNSTREAM, scopes: ['data.read', 'items.read'] };
  const claims = { scope: ['data.read'] };
  const particular = async () => await kit.forged({ authorization_details: [PAYMENT] });
  const rules = (more: object) =>
    rulePolicy({ exchange: [{ ...RULE, ...more }] }, { otherwise: 'deny' });

  it.each<[string, Policy]>([
    ['a rule names scopes alone', rules({})],
    ['nobody is ever asked', neverAskPerson],
  ])('is not exchanged for one without that limit where %s', async (_, policy) => {
    const server = await bench.serverWith({ policy });
    const upstream = await particular();
    const answer = await bench.send(await kit.request({ claims, upstream }), undefined, server);
    expectRefused(answer, 403, 'access_denied', 'exchange_denied');
    const plain = await bench.send(await kit.request({ claims }), undefined, server);
    expect(plain.status).toBe(200);
  });

  it('is exchanged where the rule takes such tokens', async () => {
    const server = await bench.serverWith({ policy: rules({ acceptDetails: true }) });
    const upstream = await particular();
    const answer = await bench.send(await kit.request({ claims, upstream }), undefined, server);
    expect(answer.status, answer.text).toBe(200);
  });

  it('shows policy what was approved, and that something was when it cannot be read', async () => {
    const seen: unknown[] = [];
    const exchange: ExchangePolicy = ({ upstream }) => {
      seen.push(upstream.authorizationDetails);
      return { decision: 'deny' };
    };
    const server = await bench.serverWith({ policy: Object.assign(alwaysAsk(), { exchange }) });
    for (const upstream of [
      await particular(),
      await kit.forged({ authorization_details: 'all' }),
      kit.upstream,
    ]) {
      await bench.send(await kit.request({ claims, upstream }), undefined, server);
    }
    expect(seen).toEqual([[PAYMENT], [], undefined]);
  });
});

/** A function of its own, so that nothing is added to the shared one. */
const alwaysAsk = () => (): PolicyDecision => ({ decision: 'ask-person' });

describe('A chain of exchanges', () => {
  const third = makeResource('https://third.example');
  const chain = (length: number): JsonObject | undefined =>
    length === 0 ? undefined : { agent: `https://a${length}.example`, act: chain(length - 1) };

  it('names everybody who acted, the most recent first', async () => {
    bench.discovery.publishAgent(kit.downstream).publishResource(await third);
    const server = await bench.serverWith({ policy: neverAskPerson });
    const first = await bench.send(
      await kit.request({ claims: { scope: ['data.read'] } }),
      undefined,
      server,
    );
    const second = await bench.send(
      await kit.request({
        caller: kit.downstream,
        upstream: String(first.json['auth_token']),
        downstream: await third,
        claims: { scope: ['data.read'] },
      }),
      undefined,
      server,
    );
    expect(second.status, second.text).toBe(200);
    expect(claimsOf(second)).toMatchObject({
      aud: 'https://third.example',
      agent: DOWNSTREAM,
      sub: 'sub-ada',
      act: {
        agent: CALLER,
        sub: 'sub-ada',
        act: { agent: bench.agent.id, sub: 'sub-ada' },
      },
    });
    expect(claimsOf(second)['exp']).toBe(claimsOf(first)['exp']);
  });

  it('has at most five links, or as many as the operator says', async () => {
    const four = await kit.forged({ act: chain(4) ?? {} });
    const five = await kit.forged({ act: chain(5) ?? {} });
    const granted = await kit.exchange({ upstream: four });
    expect(granted.status, granted.text).toBe(200);
    before = bench.contents();
    expectRefused(await kit.exchange({ upstream: five }), 403, 'access_denied', 'chain_too_deep');
    const short = await bench.serverWith({ maxActors: 1 });
    expect((await bench.send(await kit.request(), undefined, short)).status).toBe(200);
    before = bench.contents();
    const request = await kit.request({ upstream: await kit.forged({ act: chain(1) ?? {} }) });
    expectRefused(
      await bench.send(request, undefined, short),
      403,
      'access_denied',
      'chain_too_deep',
    );
  });

  it('of more links than can be read is no chain', async () => {
    await refusedToken(await kit.forged({ act: chain(17) ?? {} }), 'act_invalid');
  });

  it('cannot be configured to be endless', async () => {
    for (const maxActors of [0, 17, 1.5, NaN]) {
      await expect(bench.serverWith({ maxActors })).rejects.toThrow('from 1 to 16');
    }
  });
});

describe('An upstream token of another auth server', () => {
  let trusted: Party;
  beforeAll(async () => {
    trusted = await makeAuthServer('https://trusted.example');
    bench.discovery.publishAuthServer(trusted);
  });

  it('is answered 503 while that cannot be reached', async () => {
    bench.discovery.fail(trusted.id);
    try {
      const answer = await kit.exchange({ upstream: await kit.foreign(trusted) });
      expectRefused(answer, 503, 'temporarily_unavailable', 'trusted_issuer_unreachable');
    } finally {
      bench.discovery.recover(trusted.id);
    }
  });

  it('is denied where no rule names that auth server', async () => {
    const answer = await kit.exchange({ upstream: await kit.foreign(trusted) });
    expectRefused(answer, 403, 'access_denied', 'exchange_denied');
  });

  it('is not looked up in the ledger, nor taken for one of ours', async () => {
    const server = await bench.serverWith({ policy: neverAskPerson });
    const request = await kit.request({
      upstream: await kit.foreign(trusted, { subject: 'sub-ada' }),
      claims: { scope: ['data.read'] },
    });
    const answer = await bench.send(request, undefined, server);
    expect(answer.status, answer.text).toBe(200);
    expect(claimsOf(answer)).not.toHaveProperty('sub');
    expect(claimsOf(answer)['act']).toEqual({ agent: bench.agent.id, iss: trusted.id });
  });

  it('of an auth server that is not trusted is refused, and nothing is fetched', async () => {
    const stranger = await makeAuthServer('https://stranger.example');
    bench.discovery.publishAuthServer(stranger);
    const upstream = await authTokenFor(stranger, bench.resource, bench.agent);
    await refusedToken(upstream, 'issuer_untrusted');
    expect(nobodyAsked()).toBe(true);
  });

  it('may not be configured as this very server', async () => {
    await expect(bench.serverWith({ trustedIssuers: [ISSUER] })).rejects.toThrow(
      'other auth servers',
    );
    await expect(bench.serverWith({ trustedIssuers: ['https://as.example/'] })).rejects.toThrow(
      'trusted issuer',
    );
  });
});
