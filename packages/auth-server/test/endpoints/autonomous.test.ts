import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueResourceToken } from '@countersign/protocol';
import { decoded, makeAgent, makeDelegate } from '../../../protocol/test/kit.js';
import { rulePolicy } from '../../src/index.js';
import { Bench } from './kit.js';

let bench: Bench;
beforeAll(async () => {
  const rule = { agent: 'https://agent.example', audience: 'https://rs.example' };
  const policy = rulePolicy(
    {
      access: [
        { ...rule, delegate: 'cleaner', scopes: ['data.write'], decision: 'deny' },
        { ...rule, scopes: ['data.read'], decision: 'grant' },
        {
          agent: 'https://nightly.example',
          audience: rule.audience,
          scopes: ['data.read'],
          decision: 'grant',
        },
      ],
    },
    { otherwise: 'ask-person' },
  );
  bench = await Bench.open({ server: { policy } });
});
afterAll(() => bench.close());

const ask = async (scope = ['data.read'], signer = bench.agent) =>
  await bench.token(await bench.accessRequest({ scope, signer }), signer);

const refresh = (token: unknown) =>
  bench.token({ request_type: 'refresh', refresh_token: String(token) });

describe('An agent that a rule grants access', () => {
  it('gets it at once: a token without a person, a refresh token, a grant and a row in the ledger', async () => {
    const answer = await ask();
    expect(answer.status, answer.text).toBe(200);
    expect(Object.keys(answer.json)).toEqual([
      'auth_token',
      'expires_in',
      'token_type',
      'refresh_token',
    ]);
    const { payload } = decoded(String(answer.json['auth_token']));
    expect(payload).toMatchObject({
      aud: 'https://rs.example',
      agent: bench.agent.id,
      scope: 'data.read',
    });
    for (const name of ['sub', 'act', 'name', 'email']) expect(payload).not.toHaveProperty(name);
    const [grant] = await bench.storage.grants.list();
    expect(grant).toMatchObject({ userId: null, agent: bench.agent.id, scope: 'data.read' });
    expect(bench.contents()['issued_tokens']?.at(-1)).toMatchObject({
      jti: payload['jti'],
      subject: null,
      grant_id: grant?.id,
    });
    expect(bench.count('pending_decisions')).toBe(0);
  });

  it('renews it with the refresh token, still without a person', async () => {
    const { json } = await ask();
    bench.clock.advance(3000);
    const renewed = await refresh(json['refresh_token']);
    expect(renewed.status).toBe(200);
    const { payload } = decoded(String(renewed.json['auth_token']));
    expect(payload['exp']).toBe(bench.clock() + 3600);
    expect(payload).not.toHaveProperty('sub');
  });

  it('loses it when the grant is revoked; what it asks for next is a new grant', async () => {
    const { json } = await ask();
    const [grant] = await bench.storage.grants.list();
    await bench.storage.grants.revoke({ id: grant?.id ?? '', now: bench.clock() });
    const answer = await refresh(json['refresh_token']);
    expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_grant']);
    const { jti } = decoded(String(json['auth_token'])).payload;
    expect(await bench.storage.issuedTokens.isLive(String(jti))).toBe(false);
    expect((await ask()).status).toBe(200);
    expect((await bench.storage.grants.list())[0]?.id).not.toBe(grant?.id);
  });

  it('need not publish redirect URIs, which it must to ask a person', async () => {
    const nightly = await makeAgent('https://nightly.example');
    bench.discovery.publishAgent(nightly);
    const send = async (scope: string[]) =>
      await bench.token(
        {
          request_type: 'auth',
          resource_token: await nightlyToken(nightly, scope),
          redirect_uri: 'https://nightly.example/callback',
        },
        nightly,
      );
    expect((await send(['data.read'])).status).toBe(200);
    const before = bench.contents();
    const asked = await send(['data.write']);
    expect([asked.status, bench.refused.at(-1)?.rule]).toEqual([400, 'redirect_uri_unpublished']);
    expect(bench.contents()).toEqual(before);
  });

  it('must still send a well-formed redirect URI', async () => {
    const before = bench.contents();
    const parameters = await bench.accessRequest({ scope: ['data.read'] });
    const answer = await bench.token({ ...parameters, redirect_uri: 'callback' });
    expect([answer.status, bench.refused.at(-1)?.rule]).toEqual([400, 'redirect_uri_invalid']);
    expect(bench.contents()).toEqual(before);
  });
});

describe('What the rule does not grant', () => {
  it('is for a person to decide, or denied, as the rules say', async () => {
    const more = await ask(['data.read', 'data.write']);
    expect(Object.keys(more.json)).toEqual(['request_token', 'expires_in']);
    const before = bench.contents();
    const cleaner = await makeDelegate(bench.agent, { sub: 'cleaner', now: bench.clock() });
    const parameters = await bench.accessRequest({ scope: ['data.write'], signer: cleaner });
    const answer = await bench.token(parameters, cleaner);
    expect([answer.status, answer.json['error'], bench.refused.at(-1)?.rule]).toEqual([
      403,
      'access_denied',
      'policy_denied',
    ]);
    expect(bench.contents()).toEqual(before);
  });

  it('is a sign-in: that always needs a person', async () => {
    const answer = await bench.token({
      request_type: 'auth',
      scope: 'openid data.read',
      redirect_uri: bench.redirectUri,
    });
    expect(Object.keys(answer.json)).toEqual(['request_token', 'expires_in']);
  });
});

async function nightlyToken(nightly: Awaited<ReturnType<typeof makeAgent>>, scope: string[]) {
  return await issueResourceToken(bench.resource.keys.current, {
    resource: bench.resource.id,
    authServer: bench.issuer as typeof nightly.id,
    agent: nightly.id,
    agentThumbprint: nightly.key.thumbprint,
    scope,
    now: bench.clock(),
    tokenId: 'nightly',
  });
}
