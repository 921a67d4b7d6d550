import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createDiscovery } from '@countersign/protocol';
import { hostAdmission } from '../../src/limits/host-admission.js';
import { readLimits } from '../../src/limits/limit-settings.js';
import { createServerLimits } from '../../src/limits/server-limits.js';
import { TokenAdmission } from '../../src/limits/token-admission.js';
import { agentDocument, agentMetadata } from '@countersign/protocol';
import { makeAgent } from '../../../protocol/test/kit.js';
import { type Answer, Bench, ISSUER, PASSWORD, TestBrowser } from './kit.js';

let bench: Bench;
beforeEach(async () => {
  bench = await Bench.open();
});
afterEach(() => bench.close());

const retryAfter = ({ headers }: Answer): number => Number(headers.get('retry-after'));
const lastRule = (): string | undefined => bench.refused.at(-1)?.rule;
const from = (remoteAddress: string) => ({ remoteAddress });

/** 429 as PROTOCOL section 7 has it, by that limit. */
function expectLimited(answer: Answer, rule: string): void {
  expect([answer.status, answer.json['error'], lastRule()]).toEqual([
    429,
    'temporarily_unavailable',
    rule,
  ]);
  expect(retryAfter(answer)).toBeGreaterThan(0);
  expect(retryAfter(answer)).toBeLessThanOrEqual(60);
}

const forged = async (server = bench.server, remoteAddress = '192.0.2.1'): Promise<Answer> => {
  const request = await bench.tokenRequest({ request_type: 'code', code: 'x' });
  const headers = new Headers(request.headers);
  headers.set('signature', `sig1=:${Buffer.alloc(64, 7).toString('base64')}:`);
  const body = await request.text();
  const changed = new Request(request.url, { method: 'POST', headers, body });
  return await bench.send(changed, from(remoteAddress), server);
};

const code = async (server = bench.server, remoteAddress = '192.0.2.1'): Promise<Answer> =>
  await bench.send(
    await bench.tokenRequest({ request_type: 'code', code: 'wrong' }),
    from(remoteAddress),
    server,
  );

describe('Token requests of one agent', () => {
  it('are limited together; then nothing is remembered or looked up, and others go on', async () => {
    const server = await bench.serverWith({ limits: { agentRequests: 10 } });
    for (let i = 0; i < 10; i++) expect((await code(server)).status).toBe(400);
    const before = { contents: bench.contents(), lookups: bench.discovery.count };
    const eleventh = await code(server, '192.0.2.99');
    expectLimited(eleventh, 'limit_agent_requests');
    expect(bench.contents()).toEqual(before.contents);
    // From where it is known, without a look at its signature.
    const lookups = bench.discovery.count;
    expectLimited(await code(server), 'limit_agent_requests');
    expect(bench.discovery.count).toBe(lookups);
    const other = await makeAgent('https://other.example');
    bench.discovery.publishAgent(other);
    const request = await bench.tokenRequest({ request_type: 'code', code: 'x' }, other);
    expect((await bench.send(request, from('192.0.2.1'), server)).status).toBe(400);
    bench.clock.advance(retryAfter(eleventh) - 1);
    expect((await code(server)).status).toBe(429);
    bench.clock.advance(1);
    expect((await code(server)).status).toBe(400);
  });

  it('for access count twice', async () => {
    const server = await bench.serverWith({ limits: { agentRequests: 10 } });
    for (let i = 0; i < 5; i++) {
      expect((await bench.token(await bench.accessRequest(), undefined, server)).status).toBe(200);
    }
    expectLimited(await code(server), 'limit_agent_requests');
  });

  it('are not used up by whoever sends forged ones or repeats in its name', async () => {
    const server = await bench.serverWith({ limits: { agentRequests: 10 } });
    for (let i = 0; i < 20; i++) {
      expect((await forged(server, '198.51.100.1')).status).toBe(401);
    }
    const sent = await bench.tokenRequest({ request_type: 'code', code: 'wrong' });
    for (let i = 0; i < 20; i++) {
      const { status } = await bench.send(sent.clone(), from('198.51.100.1'), server);
      expect(status).toBe(i === 0 ? 400 : 401);
    }
    for (let i = 0; i < 9; i++) expect((await code(server)).status).toBe(400);
  });

  it('are shared between replicas', async () => {
    const limits = { agentRequests: 100 };
    const servers = [await bench.serverWith({ limits }), await bench.serverWith({ limits })];
    let passed = 0;
    for (let i = 0; i < 130; i++) {
      if ((await code(servers[i % 2])).status === 400) passed += 1;
    }
    expect(passed).toBeGreaterThanOrEqual(100);
    expect(passed).toBeLessThanOrEqual(110);
  });
});

describe('Requests that prove no agent', () => {
  it('are limited by address, before a key is looked up; other addresses and known agents go on', async () => {
    const server = await bench.serverWith({ limits: { unprovenRequests: 5 } });
    // The agent is known at this address, and somebody forges in the name of others from there.
    expect((await code(server)).status).toBe(400);
    const unsigned = async (address = '192.0.2.1') =>
      await bench.send(
        new Request(`${ISSUER}/agent/token`, { method: 'POST', body: 'x' }),
        from(address),
        server,
      );
    for (let i = 0; i < 5; i++) expect((await unsigned()).status).toBe(401);
    const limited = await unsigned();
    expectLimited(limited, 'limit_unproven_requests');
    const lookups = bench.discovery.count;
    const stranger = await makeAgent('https://stranger.example');
    bench.discovery.publishAgent(stranger);
    const strange = async () =>
      await bench.send(
        await bench.tokenRequest({ request_type: 'code', code: 'x' }, stranger),
        from('192.0.2.1'),
        server,
      );
    expectLimited(await strange(), 'limit_unproven_requests');
    expect(bench.discovery.count).toBe(lookups);
    expect((await code(server)).status).toBe(400);
    expect((await unsigned('192.0.2.2')).status).toBe(401);
    bench.clock.advance(retryAfter(limited));
    expect((await strange()).status).toBe(400);
  });

  it('count a /64 of IPv6 as one address', async () => {
    const server = await bench.serverWith({ limits: { unprovenRequests: 2 } });
    for (const end of ['1', '2']) {
      expect((await forged(server, `2001:db8:0:1::${end}`)).status).toBe(401);
    }
    expect((await forged(server, '2001:db8:0:1::3')).status).toBe(429);
    expect((await forged(server, '2001:db8:0:2::3')).status).toBe(401);
  });

  it('in the name of one that is known at that address are limited too, at ten times as many', async () => {
    const server = await bench.serverWith({ limits: { unprovenRequests: 2 } });
    expect((await code(server)).status).toBe(400);
    for (let i = 0; i < 20; i++) expect((await forged(server)).status).toBe(401);
    expectLimited(await forged(server), 'limit_recognised_requests');
    expect((await code(server, '192.0.2.2')).status).toBe(400);
  });
});

describe('Questions to people', () => {
  it('are limited per agent, however quickly they are decided', async () => {
    const server = await bench.serverWith({ limits: { agentQuestions: 2 } });
    const ask = async () => await bench.token(await bench.accessRequest(), undefined, server);
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(200);
    const asked = bench.count('pending_decisions');
    const third = await ask();
    expectLimited(third, 'limit_agent_questions');
    expect(bench.count('pending_decisions')).toBe(asked);
    bench.clock.advance(retryAfter(third) - 1);
    expect((await ask()).status).toBe(429);
    bench.clock.advance(1);
    expect((await ask()).status).toBe(200);
  });

  it('that nobody decides make room when the answer says', async () => {
    const server = await bench.serverWith({ maxPendingPerAgent: 1 });
    const ask = async () => await bench.token(await bench.accessRequest(), undefined, server);
    expect((await ask()).status).toBe(200);
    const second = await ask();
    expect([second.status, retryAfter(second)]).toEqual([429, 600]);
    bench.clock.advance(599);
    expect(retryAfter(await ask())).toBe(1);
    bench.clock.advance(1);
    expect((await ask()).status).toBe(200);
  });

  it('end for an hour for a person who has denied the agent three times', async () => {
    bench.server = await bench.serverWith({ limits: {} });
    const ada = await bench.signedIn('ada');
    for (let i = 0; i < 3; i++) {
      await ada.open(bench.pageUrl(await bench.requestToken()));
      const denied = await ada.press('deny');
      expect(denied.location?.searchParams.get('error')).toBe('access_denied');
      bench.clock.advance(60);
    }
    const url = bench.pageUrl(await bench.requestToken({ state: 's1' }));
    const before = bench.contents();
    const page = await ada.open(url);
    expect([page.status, page.heading]).toEqual([429, 'You have denied this agent before']);
    expect(page.headers.get('retry-after')).toBe(String(3600 - 180));
    expect(lastRule()).toBe('limit_denials');
    expect(page.forms).toEqual([]);
    const back = /href="([^"]*callback[^"]*)"/.exec(page.text)?.[1] ?? '';
    const { searchParams } = new URL(back.replaceAll('&amp;', '&'));
    expect(Object.fromEntries(searchParams)).toMatchObject({
      error: 'access_denied',
      state: 's1',
      iss: ISSUER,
    });
    expect(bench.contents()).toEqual(before);
    // Another person is asked.
    const ben = await bench.signedIn('ben');
    expect((await ben.open(url)).heading).toBe('Allow access to rs.example?');
    bench.clock.advance(3600 - 181);
    const again = bench.pageUrl(await bench.requestToken());
    expect((await ada.open(again)).status).toBe(429);
    bench.clock.advance(1);
    expect((await ada.open(again)).heading).toBe('Allow access to rs.example?');
  });
});

describe('The pages', () => {
  it('are limited by address; who is signed in goes on', async () => {
    const server = await bench.serverWith({ limits: { pageRequests: 3 } });
    const url = bench.pageUrl(await bench.requestToken());
    const browser = await bench.signedIn('ada');
    const cookie = `${bench.cookieName}=${browser.cookies.get(bench.cookieName)}`;
    const get = async (headers: Record<string, string> = {}, address = '192.0.2.1') =>
      await bench.send(new Request(url, { headers }), from(address), server);
    expect((await get({ cookie })).status).toBe(200);
    expect((await get()).status).toBe(200);
    expect((await get()).status).toBe(200);
    const limited = await get();
    expect([limited.status, lastRule()]).toEqual([429, 'limit_page_requests']);
    expect(limited.text).toContain('Too many requests');
    expect((await get({ cookie })).status).toBe(200);
    expect((await get({}, '192.0.2.2')).status).toBe(200);
    bench.clock.advance(retryAfter(limited) - 1);
    expect((await get()).status).toBe(429);
    bench.clock.advance(1);
    expect((await get()).status).toBe(200);
  });
});

describe('An attacker who knows a name', () => {
  const at = async (address: string, before?: TestBrowser): Promise<TestBrowser> => {
    const browser = new TestBrowser(bench);
    browser.address = address;
    for (const [name, value] of before?.cookies ?? []) browser.cookies.set(name, value);
    await browser.open(bench.pageUrl(await bench.requestToken()));
    return browser;
  };
  const fail = async (times: number, address: string, username = 'ada'): Promise<void> => {
    const browser = await at(address);
    for (let i = 0; i < times; i++) {
      await browser.press('sign-in', { username, password: '' });
    }
  };

  it('does not keep the person out of the browser they used before, at the same address neither', async () => {
    const own = await at('203.0.113.7');
    expect((await own.press('sign-in', { username: 'ada', password: PASSWORD })).status).toBe(303);
    own.cookies.delete(bench.cookieName);
    for (let hour = 0; hour < 3; hour++) {
      await fail(12, '203.0.113.7');
      for (let i = 0; i < 5; i++) await fail(10, '203.0.113.7', `other-${hour}-${i}`);
      expect(
        (await (await at('203.0.113.7')).press('sign-in', { username: 'ada', password: PASSWORD }))
          .status,
      ).toBe(429);
      const back = await at('203.0.113.7', own);
      const answer = await back.press('sign-in', { username: 'ada', password: PASSWORD });
      expect(answer.status).toBe(303);
      // What it was recognised by stays the same.
      expect(back.cookies.get(`${bench.cookieName}-known`)).toBe(
        own.cookies.get(`${bench.cookieName}-known`),
      );
      bench.clock.advance(3600);
    }
  });

  it('does not keep the person out of the address they used before, from however many others', async () => {
    const own = await at('203.0.113.7');
    expect((await own.press('sign-in', { username: 'ada', password: PASSWORD })).status).toBe(303);
    for (let i = 0; i < 12; i++) await fail(10, `198.51.100.${i}`);
    const elsewhere = await at('198.51.100.200');
    const limited = await elsewhere.press('sign-in', { username: 'ada', password: PASSWORD });
    expect([limited.status, lastRule()]).toEqual([429, 'limit_sign_in']);
    const back = await at('203.0.113.7');
    expect((await back.press('sign-in', { username: 'ada', password: PASSWORD })).status).toBe(303);
    bench.clock.advance(retryAfter(limited));
    const later = await (
      await at('198.51.100.200')
    ).press('sign-in', { username: 'ada', password: PASSWORD });
    expect(later.status).toBe(303);
  });

  it('gains nothing by a made-up cookie: it is not known, and attempts with it are limited too', async () => {
    const browser = await at('198.51.100.9');
    browser.cookies.set(`${bench.cookieName}-known`, 'K'.repeat(43));
    for (let i = 0; i < 10; i++) await browser.press('sign-in', { username: 'ada', password: '' });
    browser.cookies.set(`${bench.cookieName}-known`, 'L'.repeat(43));
    const limited = await browser.press('sign-in', { username: 'ada', password: PASSWORD });
    expect(limited.status).toBe(429);
  });

  it('who holds a browser that is known guesses ten times with it as well', async () => {
    const own = await at('203.0.113.7');
    await own.press('sign-in', { username: 'ada', password: PASSWORD });
    own.cookies.delete(bench.cookieName);
    const stolen = await at('198.51.100.9', own);
    for (let i = 0; i < 10; i++) await stolen.press('sign-in', { username: 'ada', password: '' });
    const eleventh = await stolen.press('sign-in', { username: 'ada', password: PASSWORD });
    expect(eleventh.status).toBe(429);
  });
});

describe('Hosts that strangers name', () => {
  const setUp = (given: Parameters<typeof readLimits>[0], trusted: string[] = []) => {
    const limits = createServerLimits(readLimits(given), bench.storage, bench.clock);
    const fetched: string[] = [];
    const discovery = createDiscovery({
      clock: bench.clock,
      fetchDocument: async (url) => {
        fetched.push(url);
        const { origin } = new URL(url);
        const document = agentDocument({ agent: origin as never, jwksUri: `${origin}/jwks.json` });
        return {
          status: 200,
          contentType: 'application/json',
          cacheControl: undefined,
          body: new TextEncoder().encode(JSON.stringify(document)),
        };
      },
    });
    const account = (address: string) =>
      new TokenAdmission(limits, new Request(ISSUER), from(address));
    const ask = async (name: string, admission: TokenAdmission) => {
      const scope = { requestId: undefined, account: admission };
      const admitHost = hostAdmission(limits, bench.storage, new Set(trusted), scope);
      return await discovery.askedBy?.({ admitHost }).metadata(agentMetadata, name as never);
    };
    return { fetched, account, ask };
  };
  const refusal = (rule: string) =>
    expect.objectContaining({ code: 'too_many_requests', rule }) as Error;

  it('are limited by address: no more are asked, what is known is still found, others go on', async () => {
    const { fetched, account, ask } = setUp({ addressHosts: 2 });
    const one = account('192.0.2.1');
    await ask('https://a.example', one);
    await ask('https://b.example', one);
    await expect(ask('https://c.example', one)).rejects.toEqual(refusal('limit_address_hosts'));
    expect(fetched).toHaveLength(2);
    await ask('https://a.example', one);
    await ask('https://c.example', account('192.0.2.2'));
    bench.clock.advance(60);
    await ask('https://d.example', account('192.0.2.1'));
  });

  it('are limited for all strangers together, who starve neither trusted issuers nor known agents', async () => {
    await bench.granted();
    const { account, ask } = setUp({ strangerHosts: 1 }, ['https://trusted.example']);
    await ask('https://a.example', account('192.0.2.1'));
    await expect(ask('https://b.example', account('192.0.2.2'))).rejects.toEqual(
      refusal('limit_stranger_hosts'),
    );
    await ask('https://trusted.example', account('192.0.2.2'));
    await ask(bench.agent.id, account('192.0.2.2'));
    const verified = account('192.0.2.2');
    verified.agent = 'https://verified.example';
    await ask('https://b.example', verified);
  });

  it('are limited for an agent that is verified', async () => {
    const { account, ask } = setUp({ agentHosts: 1 });
    const verified = account('192.0.2.1');
    verified.agent = 'https://verified.example';
    await ask('https://a.example', verified);
    await expect(ask('https://b.example', verified)).rejects.toEqual(refusal('limit_agent_hosts'));
  });
});

describe('Failed sign-ins', () => {
  const fails = async (server: typeof bench.server, username: string, remoteAddress: string) => {
    const { issuer, secrets } = bench;
    const browser = new TestBrowser({ issuer, secrets, server });
    browser.address = remoteAddress;
    await browser.open(bench.pageUrl(await bench.requestToken()));
    return (await browser.press('sign-in', { username, password: 'wrong' })).status;
  };

  it.each([
    [
      { signInFailures: 2 },
      [
        ['ada', 1],
        ['ada', 1],
      ],
      ['ada', 1],
      ['ben', 1],
    ],
    [
      { addressSignInFailures: 2 },
      [
        ['ada', 1],
        ['ben', 1],
      ],
      ['eve', 1],
      ['ada', 2],
    ],
    [
      { accountSignInFailures: 2 },
      [
        ['ada', 1],
        ['ada', 2],
      ],
      ['ada', 3],
      ['ben', 1],
    ],
  ] as const)('are limited as %j says', async (limits, allowed, refused, other) => {
    const server = await bench.serverWith({ limits });
    const at = async ([name, address]: readonly [string, number]) =>
      await fails(server, name, `192.0.2.${address}`);
    for (const one of allowed) expect(await at(one)).toBe(403);
    expect(await at(refused)).toBe(429);
    expect(await at(other)).toBe(403);
  });
});

describe('Settings of limits', () => {
  it('that are out of range or unknown are refused by name', async () => {
    for (const limits of [{ agentRequests: 0 }, { denials: 1.5 }, { pageRequests: Infinity }]) {
      const [name] = Object.keys(limits);
      await expect(bench.serverWith({ limits })).rejects.toThrow(`limits.${name} must be`);
    }
    await expect(bench.serverWith({ withoutLimits: ['nothing' as never] })).rejects.toThrow(
      'no limit called nothing',
    );
  });

  it('switch one off only where it is named', async () => {
    const limits = { agentRequests: 10 };
    const server = await bench.serverWith({ limits, withoutLimits: ['agentRequests'] });
    for (let i = 0; i < 40; i++) expect((await code(server)).status).toBe(400);
  });
});
