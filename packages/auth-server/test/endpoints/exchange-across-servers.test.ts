import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '@countersign/protocol';
import { holder, makeAgent, type Party } from '../../../protocol/test/kit.js';
import { type ExchangeRule, type PolicyRules, rulePolicy } from '../../src/index.js';
import { CALLER, claimsOf, DOWNSTREAM, ExchangeBench } from './exchange-kit.js';
import type { Answer } from './kit.js';

const HOME = 'https://home.example';
const AWAY = 'https://away.example';

/** Rules of the server away for tokens from home. */
const rules = (carrySubject?: boolean): PolicyRules => ({
  exchange: [
    {
      caller: CALLER,
      audience: DOWNSTREAM,
      scopes: ['items.read'],
      trustedIssuer: HOME,
      ...(carrySubject === undefined ? {} : { carrySubject }),
    },
  ],
});

/** Two auth servers, each with its own people and database. Away trusts home; home trusts nobody. */
let home: ExchangeBench;
let away: ExchangeBench;

/** Lets `here` find the documents that the other server really serves. */
async function introduce(here: ExchangeBench, there: ExchangeBench): Promise<void> {
  const { issuer } = there.bench;
  const served = async (path: string) =>
    (await there.bench.send(new Request(`${issuer}${path}`))).json;
  const { keys } = await served('/jwks.json');
  here.bench.discovery
    .publishDocument(issuer, 'aauth-issuer', await served('/.well-known/aauth-issuer'))
    .publishKeys(`${issuer}/jwks.json`, keys as JsonObject[]);
}

beforeAll(async () => {
  home = await ExchangeBench.open({}, HOME);
  const policy = rulePolicy(rules(), { otherwise: 'ask-person' });
  away = await ExchangeBench.open({ trustedIssuers: [HOME], policy }, AWAY);
  await introduce(away, home);
  await introduce(home, away);
  // One and the same API calls at both: its keys are those that home's bench made.
  away.bench.discovery.publishAgent(home.bench.resource).publishResource(home.bench.resource);
  away.bench.discovery.publishResource(away.downstream);
});
afterAll(async () => {
  await home.bench.close();
  await away.bench.close();
});

/** The API shows the token it got from home at the server away. */
async function exchange(
  upstream = home.upstream,
  server = away.bench.server,
  caller: Party = home.bench.resource,
): Promise<Answer> {
  const request = await away.request({ caller, upstream });
  return await away.bench.send(request, undefined, server);
}

describe('Between two auth servers, one of which trusts the other', () => {
  it('a token is exchanged where a rule names the other, without the person’s name there', async () => {
    const answer = await exchange();
    expect(answer.status, answer.text).toBe(200);
    const claims = claimsOf(answer);
    expect(claims).toMatchObject({
      iss: AWAY,
      aud: DOWNSTREAM,
      agent: CALLER,
      act: { agent: home.bench.agent.id, iss: HOME },
    });
    expect(claims).not.toHaveProperty('sub');
    expect(JSON.stringify(claims)).not.toMatch(/\bada\b/);
    expect(away.bench.contents()['issued_tokens']?.at(-1)).toMatchObject({
      jti: claims['jti'],
      subject: null,
      grant_id: null,
    });
  });

  it('the person’s name is carried over where the rule says so, and says whose it is', async () => {
    const server = await away.bench.serverWith({
      policy: rulePolicy(rules(true), { otherwise: 'deny' }),
    });
    const claims = claimsOf(await exchange(home.upstream, server));
    expect(claims).toMatchObject({
      sub: 'sub-ada',
      act: { agent: home.bench.agent.id, sub: 'sub-ada', iss: HOME },
    });
  });

  it('the trust is one-way: a token from there opens nothing here', async () => {
    const before = home.bench.contents();
    const upstream = String((await exchange()).json['auth_token']);
    home.bench.discovery.publishAgent(away.downstream);
    const downstream = home.bench.resource;
    const answer = await home.exchange({ caller: away.downstream, upstream, downstream });
    expect([answer.status, answer.json['error'], home.bench.refused.at(-1)?.rule]).toEqual([
      401,
      'invalid_token',
      'issuer_untrusted',
    ]);
    expect(home.bench.contents()).toEqual(before);
  });

  it.each<[string, Partial<ExchangeRule>]>([
    ['is for this server’s own tokens', {}],
    ['names another trusted server', { trustedIssuer: 'https://third.example' }],
  ])('is denied where the rule %s', async (_, more) => {
    const rule = { caller: CALLER, audience: DOWNSTREAM, scopes: ['items.read'], ...more };
    const server = await away.bench.serverWith({
      trustedIssuers: [HOME, 'https://third.example'],
      policy: rulePolicy({ exchange: [rule] }, { otherwise: 'deny' }),
    });
    const before = away.bench.contents();
    const answer = await exchange(home.upstream, server);
    expect([answer.status, away.bench.refused.at(-1)?.rule]).toEqual([403, 'exchange_denied']);
    expect(away.bench.contents()).toEqual(before);
  });

  it('a server that no longer trusts the other fetches nothing about it', async () => {
    const server = await away.bench.serverWith({ trustedIssuers: [] });
    away.bench.discovery.lookups.length = 0;
    const answer = await exchange(home.upstream, server);
    expect([answer.status, away.bench.refused.at(-1)?.rule]).toEqual([401, 'issuer_untrusted']);
    expect(away.bench.discovery.lookups).toEqual([]);
  });

  it('a token that another than the API presents is refused there too', async () => {
    const thief = await makeAgent('https://thief.example');
    away.bench.discovery.publishAgent(thief);
    const request = await away.request({
      caller: thief,
      signer: holder(thief.key, home.upstream),
    });
    const answer = await away.bench.send(request);
    expect([answer.status, away.bench.refused.at(-1)?.rule]).toEqual([401, 'aud_other']);
  });

  it('what was issued there goes on there, and its chain says where each link is from', async () => {
    const first = String((await exchange()).json['auth_token']);
    const rule = { caller: DOWNSTREAM, audience: CALLER, scopes: ['items.read'] };
    const server = await away.bench.serverWith({
      policy: rulePolicy({ exchange: [rule] }, { otherwise: 'deny' }),
    });
    away.bench.discovery.publishAgent(away.downstream);
    const request = await away.request({
      caller: away.downstream,
      upstream: first,
      downstream: home.bench.resource,
    });
    const answer = await away.bench.send(request, undefined, server);
    expect(answer.status, answer.text).toBe(200);
    expect(claimsOf(answer)['act']).toEqual({
      agent: CALLER,
      act: { agent: home.bench.agent.id, iss: HOME },
    });
  });
});
