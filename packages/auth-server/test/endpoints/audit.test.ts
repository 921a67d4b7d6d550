import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoded } from '../../../protocol/test/kit.js';
import { alwaysAskPerson, type AuditEntry, createAuthServer, rulePolicy } from '../../src/index.js';
import { Bench, PASSWORD } from './kit.js';
import { CALLER, DOWNSTREAM, ExchangeBench } from './exchange-kit.js';
import { TestBrowser } from './test-browser.js';

const AGENT = 'https://agent.example';

/** What a bench's trail gains by `work`. */
async function gained(bench: Bench, work: () => Promise<unknown>): Promise<AuditEntry[]> {
  const before = (await bench.trail()).length;
  await work();
  return (await bench.trail()).slice(before);
}

describe('The audit trail of an auth server', () => {
  let bench: Bench;
  beforeAll(async () => {
    const rule = { agent: AGENT, audience: CALLER };
    const policy = rulePolicy(
      {
        access: [
          { ...rule, name: 'nobody writes', scopes: ['data.write'], decision: 'deny' },
          { ...rule, scopes: ['data.list'], decision: 'grant' },
        ],
      },
      { otherwise: 'ask-person' },
    );
    bench = await Bench.open({ server: { policy } });
  });
  afterAll(() => bench.close());

  it('begins with the issuer, the signing key and the accounts', async () => {
    expect((await bench.trail()).map(({ act }) => act)).toEqual([
      'issuer-bound',
      'key-added',
      'user-added',
      'user-added',
    ]);
  });

  it('has what the policy is called, once a server has started with it', async () => {
    const { issuer, storage, clock } = bench;
    const options = { issuer, storage, clock, policy: alwaysAskPerson };
    const startWith = (more: object) => createAuthServer({ ...options, ...more });
    const trail = await gained(bench, async () => {
      const invalid = { code: 'configuration_invalid' };
      await expect(startWith({ policyVersion: '' })).rejects.toMatchObject(invalid);
      await expect(startWith({ policyVersion: 'é' })).rejects.toMatchObject(invalid);
      const wrong = { policyVersion: 'v1', maxActors: 0 };
      await expect(startWith(wrong)).rejects.toMatchObject(invalid);
      await startWith({ policyVersion: 'v2' });
      await startWith({ policyVersion: 'v2' });
      await startWith({});
    });
    expect(trail).toMatchObject([{ act: 'policy-changed', by: 'server', policy: 'v2' }]);
  });

  it('follows access from the question over sign-in and approval to the token and its renewal', async () => {
    let jti: unknown;
    const trail = await gained(bench, async () => {
      const browser = new TestBrowser(bench);
      await browser.open(bench.pageUrl(await bench.requestToken({ scope: ['data.read'] })));
      await browser.signIn('ada', PASSWORD);
      const code = (await browser.press('approve')).location?.searchParams.get('code');
      const answer = await bench.token({ request_type: 'code', code: String(code) });
      jti = decoded(String(answer.json['auth_token'])).payload['jti'];
      const refresh_token = String(answer.json['refresh_token']);
      await bench.token({ request_type: 'refresh', refresh_token });
      await bench.token({ request_type: 'code', code: String(code) });
    });
    const [grant] = await bench.storage.grants.list();
    const access = { agent: AGENT, audience: CALLER };
    const approved = { ...access, scope: 'data.read', grant: grant?.id, account: 'user-ada' };
    expect(trail).toMatchObject([
      { ...access, act: 'question-asked', by: 'policy', scope: 'data.read', rule: 'otherwise' },
      { act: 'signed-in', by: 'person', account: 'user-ada' },
      { ...approved, act: 'access-granted', by: 'person' },
      { ...approved, act: 'token-issued', by: 'agent', means: 'code', token: jti },
      { ...approved, act: 'token-issued', by: 'agent', means: 'refresh' },
      { ...access, act: 'code-reused', by: 'agent', grant: grant?.id },
    ]);
    const requests = trail.map(({ request }) => request);
    for (const request of requests) expect(request).toMatch(/^[\w-]{12}$/);
    expect(new Set(requests).size).toBe(requests.length);
  });

  it('has the id that the refusal of the same request carries, and the rule', async () => {
    let id: string | null = null;
    const trail = await gained(bench, async () => {
      const answer = await bench.token(await bench.accessRequest({ scope: ['data.write'] }));
      expect(answer.json['error']).toBe('access_denied');
      id = answer.headers.get('x-request-id');
    });
    expect(trail).toEqual([
      {
        time: bench.clock(),
        act: 'access-refused',
        by: 'policy',
        agent: AGENT,
        audience: CALLER,
        scope: 'data.write',
        rule: 'nobody writes',
        request: id,
      },
    ]);
  });

  it('names the rule by its place where it has no name', async () => {
    const trail = await gained(bench, async () =>
      bench.token(await bench.accessRequest({ scope: ['data.list'] })),
    );
    expect(trail).toMatchObject([
      { act: 'token-issued', by: 'policy', means: 'policy', rule: 'access[1]' },
    ]);
  });

  it('is chained, and the head told, when the server is asked to', async () => {
    const heads: unknown[] = [];
    const server = await bench.serverWith({
      observer: {
        onEvent: (event) => {
          if (event.type === 'audit-sealed') heads.push(event);
        },
      },
    });
    await bench.storage.audit.record({ time: bench.clock(), act: 'issuer-bound' });
    await server.seal();
    await server.seal();
    await server.sweep();
    expect(heads).toEqual([{ type: 'audit-sealed', ...(await bench.storage.audit.head()) }]);
    await bench.storage.audit.record({ time: bench.clock(), act: 'issuer-bound' });
    await server.sweep();
    expect(heads.slice(1)).toEqual([
      { type: 'audit-sealed', ...(await bench.storage.audit.head()) },
    ]);
  });

  it('has nothing that a policy of somebody else’s makes of a rule that is no text', async () => {
    const server = await bench.serverWith({
      policy: () => ({ decision: 'deny', rule: { secret: 'x' } as unknown as string }),
    });
    const trail = await gained(bench, async () =>
      bench.token(await bench.accessRequest(), undefined, server),
    );
    expect(trail).toMatchObject([{ act: 'access-refused' }]);
    expect(trail[0]).not.toHaveProperty('rule');
  });
});

describe('The audit trail of exchanges', () => {
  let kit: ExchangeBench;
  beforeAll(async () => {
    kit = await ExchangeBench.open();
  });
  afterAll(() => kit.bench.close());

  it('names the rule, the grant and the token that was exchanged', async () => {
    const trail = await gained(kit.bench, async () => {
      expect((await kit.exchange()).status).toBe(200);
    });
    const parentToken = decoded(kit.upstream).payload['jti'];
    expect(trail).toMatchObject([
      {
        act: 'token-issued',
        by: 'policy',
        means: 'exchange',
        rule: 'exchange[0]',
        agent: CALLER,
        audience: DOWNSTREAM,
        scope: 'items.read',
        parentToken,
      },
    ]);
    const [grant] = await kit.bench.storage.grants.list();
    expect(trail[0]?.grant).toBe(grant?.id);
  });

  it('tells of an exchange that no rule allows', async () => {
    const trail = await gained(kit.bench, async () => {
      const { status } = await kit.exchange({ claims: { scope: ['items.burn'] } });
      expect(status).toBe(403);
    });
    expect(trail).toMatchObject([
      { act: 'access-refused', by: 'policy', means: 'exchange', agent: CALLER, rule: 'no rule' },
    ]);
  });
});
