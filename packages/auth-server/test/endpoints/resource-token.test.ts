import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type JsonObject, signJws } from '@countersign/protocol';
import {
  compact,
  decoded,
  makeAgent,
  makeDelegate,
  makeKeys,
  makeResource,
  type Signer,
} from '../../../protocol/test/kit.js';
import { Bench, type Contents, ISSUER, headersButId } from './kit.js';

let bench: Bench;
let before: Contents;
beforeAll(async () => {
  bench = await Bench.open();
});
afterAll(() => bench.close());
beforeEach(() => {
  before = bench.contents();
  bench.discovery.lookups.length = 0;
});

type Claims = Readonly<Record<string, unknown>>;

/** The claims of a resource token that is right in every respect. */
function claims(): Claims {
  const now = bench.clock();
  return {
    iss: bench.resource.id,
    aud: ISSUER,
    agent: bench.agent.id,
    agent_jkt: bench.agent.key.thumbprint,
    scope: 'data.read',
    exp: now + 600,
    iat: now,
    jti: 'r-1',
  };
}

async function signed(change: Claims, header: JsonObject = {}): Promise<string> {
  const { current } = bench.resource.keys;
  const all = Object.entries({ ...claims(), ...change }).filter(([, value]) => value !== undefined);
  return await compact(
    { alg: 'EdDSA', kid: current.kid, typ: 'resource+jwt', ...header },
    Object.fromEntries(all),
    current,
  );
}

const present = async (resource_token: string) =>
  await bench.token({ request_type: 'auth', resource_token, redirect_uri: bench.redirectUri });

async function expectRefused(token: string, rule: RegExp): Promise<void> {
  const answer = await present(token);
  expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_resource_token']);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  if (token.length > 20) expect(answer.text).not.toContain(token);
  expect(bench.refused.at(-1)?.rule).toMatch(rule);
  expect(bench.contents()).toEqual(before);
}

/** Whether anybody beside the agent that signed the request was asked about anything. */
const askedResource = () => bench.discovery.lookups.some(({ of }) => of !== bench.agent.id);

describe('A resource token', () => {
  it('is taken when every claim is right', async () => {
    expect((await present(await signed({}))).status).toBe(200);
  });

  it.each<[string, Claims, RegExp]>([
    ['another audience', { aud: 'https://other.example' }, /^aud_other$/u],
    ['an audience with a slash', { aud: `${ISSUER}/` }, /^aud_/u],
    ['a list as audience', { aud: [ISSUER] }, /^aud_/u],
    ['no audience', { aud: undefined }, /^aud_missing$/u],
    ['another agent', { agent: 'https://other.example' }, /^agent_other$/u],
    ['no agent', { agent: undefined }, /^agent_missing$/u],
    ['another key', { agent_jkt: 'A'.repeat(43) }, /^agent_jkt_other$/u],
    ['no key', { agent_jkt: undefined }, /^agent_jkt_missing$/u],
    ['an expiry that has passed', { exp: 1_768_786_030 - 11 }, /^token_expired$/u],
    ['an expiry too far away', { exp: 1_768_786_030 + 911 }, /^exp_too_far$/u],
    ['no expiry', { exp: undefined }, /^exp_missing$/u],
    ['a text as expiry', { exp: '1768786630' }, /^exp_invalid$/u],
    ['an issue time to come', { iat: 1_768_786_030 + 11 }, /^iat_in_future$/u],
    ['no scope', { scope: undefined }, /^scope_missing$/u],
    ['an empty scope', { scope: '' }, /^scope_invalid$/u],
    ['a list as scope', { scope: ['data.read'] }, /^scope_invalid$/u],
    ['no issuer', { iss: undefined }, /^iss_missing$/u],
    ['an issuer that is no identifier', { iss: 'https://rs.example/' }, /^iss_invalid$/u],
  ])('with %s is refused, and its issuer not asked', async (_, change, rule) => {
    await expectRefused(await signed(change), rule);
    expect(askedResource()).toBe(false);
  });

  it('is taken up to 15 minutes from its end and no longer ago than the allowance', async () => {
    const now = bench.clock();
    expect((await present(await signed({ exp: now + 900 }))).status).toBe(200);
    expect((await present(await signed({ exp: now - 9 }))).status).toBe(200);
  });

  it.each<[string, JsonObject, RegExp]>([
    ['of an auth token', { typ: 'auth+jwt' }, /^token_type$/u],
    ['of any JWT', { typ: 'JWT' }, /^token_type$/u],
    ['in upper case', { typ: 'RESOURCE+JWT' }, /^token_type$/u],
  ])('of the type %s is refused', async (_, header, rule) => {
    await expectRefused(await signed({}, header), rule);
    expect(askedResource()).toBe(false);
  });

  it('under a kid that the resource does not publish is refused', async () => {
    await expectRefused(await signed({}, { kid: 'resource-key-2' }), /^kid_unknown$/u);
  });

  it('signed by another key is refused', async () => {
    const stranger = await makeKeys('resource-key-1');
    const token = await signJws('resource+jwt', claims(), stranger.current, 'resource-key-1');
    await expectRefused(token, /^token_signature$/u);
  });

  it('signed by the agent itself is refused', async () => {
    const { current } = bench.agent.keys;
    const token = await signJws('resource+jwt', claims(), current, 'resource-key-1');
    await expectRefused(token, /^token_signature$/u);
  });

  it.each<[string, (token: string) => string]>([
    ['without signature', (token) => token.replace(/[^.]*$/u, '')],
    ['cut short', (token) => token.slice(0, -4)],
    ['with something after it', (token) => `${token}.x`],
    ['in no form at all', () => 'token'],
    ['empty', () => ''],
    ['of more than 8 KiB', (token) => token.padEnd(8193, 'A')],
  ])('%s is refused', async (_, change) => {
    await expectRefused(change(await signed({})), /^token_/u);
  });

  it('with alg none is refused', async () => {
    const { payload } = decoded(await signed({}));
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const header = { alg: 'none', kid: 'resource-key-1', typ: 'resource+jwt' };
    await expectRefused(`${part(header)}.${part(payload)}.`, /^token_/u);
  });

  it('bought for one agent cannot be used by another', async () => {
    const other = await makeAgent('https://other.example');
    const redirectUri = 'https://other.example/callback';
    bench.discovery.publishAgent(other, { redirectUris: [redirectUri] });
    const parameters = { request_type: 'auth', redirect_uri: redirectUri };
    const stolen = await bench.token({ ...parameters, resource_token: await signed({}) }, other);
    expect([stolen.status, stolen.json['error']]).toEqual([400, 'invalid_resource_token']);
    const own = await signed({ agent: other.id, agent_jkt: other.key.thumbprint });
    expect((await bench.token({ ...parameters, resource_token: own }, other)).status).toBe(200);
  });

  it('bought with the agent’s key cannot be used by its delegate, nor the reverse', async () => {
    const delegate = await makeDelegate(bench.agent, { now: bench.clock() });
    const parameters = { request_type: 'auth', redirect_uri: bench.redirectUri };
    const of = (thumbprint: string) => signed({ agent_jkt: thumbprint });
    const [agents, delegates] = await Promise.all([
      of(bench.agent.key.thumbprint),
      of(delegate.key.thumbprint),
    ]);
    const status = async (resource_token: string, signer: Signer = bench.agent) =>
      (await bench.token({ ...parameters, resource_token }, signer)).status;
    expect(await status(agents, delegate)).toBe(400);
    expect(await status(delegates)).toBe(400);
    expect(await status(agents)).toBe(200);
    expect(await status(delegates, delegate)).toBe(200);
  });

  it('of the agent itself is refused: its token would be one to sign in with', async () => {
    const { id } = bench.agent;
    const jwks_uri = 'https://own-keys.example/jwks.json';
    const publish = (resource: string) =>
      bench.discovery
        .publishDocument(resource, 'aauth-resource', { resource, jwks_uri })
        .publishKeys(jwks_uri, bench.resource.keys.jwks.keys);
    publish('https://neighbour.example');
    publish(id);
    expect((await present(await signed({ iss: 'https://neighbour.example' }))).status).toBe(200);
    before = bench.contents();
    await expectRefused(await signed({ iss: id }), /^iss_is_agent$/);
  });

  it('whose Auth Request Document cannot be had is refused, and nothing is stored', async () => {
    const url = `${bench.resource.id}/requests/1`;
    for (const change of [{ auth_request_url: url }, { auth_request_url: url, scope: undefined }]) {
      const answer = await present(await signed(change));
      expect([answer.status, answer.json['error']]).toEqual([401, 'invalid_signature']);
    }
    expect(bench.contents()).toEqual(before);
  });

  it('is answered in the same bytes whatever is wrong with the host of its issuer', async () => {
    const from = async (iss: string) => {
      const { status, text, headers } = await present(await signed({ iss }));
      return [status, text, headersButId(headers)];
    };
    const jwks_uri = (host: string) => `https://${host}.example/jwks.json`;
    const publish = (host: string, resource = `https://${host}.example`) =>
      bench.discovery.publishDocument(`https://${host}.example`, 'aauth-resource', {
        resource,
        jwks_uri: jwks_uri(host),
      });
    publish('someone', bench.resource.id);
    publish('no-keys');
    publish('weak-keys').publishKeys(jwks_uri('weak-keys'), [
      { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43), kid: 'resource-key-1' },
    ]);
    const { keys } = bench.resource.keys.jwks;
    publish('twice').publishKeys(jwks_uri('twice'), [...keys, ...keys]);
    const [status, text, headers] = await from('https://unreachable.example');
    expect(status).toBe(401);
    expect(text).not.toMatch(/refused|unreachable|404|status/iu);
    for (const host of ['someone', 'no-keys', 'weak-keys', 'twice']) {
      expect(await from(`https://${host}.example`)).toEqual([status, text, headers]);
    }
    expect(bench.contents()).toEqual(before);
  });

  it('is answered in these bytes too when the host fails between its keys and its metadata', async () => {
    const flaky = await makeResource('https://flaky.example');
    const resource_token = await compact(
      { alg: 'EdDSA', kid: flaky.keys.current.kid, typ: 'resource+jwt' },
      { ...claims(), iss: flaky.id },
      flaky.keys.current,
    );
    const unreachable = await present(resource_token);
    bench.discovery.publishResource(flaky);
    bench.policy = () => {
      bench.discovery.fail(flaky.id);
      return { decision: 'ask-person' };
    };
    const between = await present(resource_token);
    expect([between.status, between.text]).toEqual([unreachable.status, unreachable.text]);
    expect(bench.contents()).toEqual(before);
    bench.discovery.recover(flaky.id);
    bench.policy = () => ({ decision: 'ask-person' });
    expect((await present(resource_token)).status).toBe(200);
  });
});

describe('A verifier in place of the platform’s', () => {
  it('is asked about the request and about the resource token, and its word is taken', async () => {
    const asked: string[] = [];
    let verdict = true;
    const own = await Bench.open({
      server: {
        verifySignature: (key) => {
          asked.push(key.thumbprint);
          return verdict;
        },
      },
    });
    try {
      expect((await own.token(await own.accessRequest())).status).toBe(200);
      expect(asked).toEqual([own.agent.key.thumbprint, own.resource.keys.current.thumbprint]);
      verdict = false;
      expect((await own.token(await own.accessRequest())).status).toBe(401);
      expect(own.refused.at(-1)?.rule).toBe('signature_invalid');
    } finally {
      await own.close();
    }
  });
});
