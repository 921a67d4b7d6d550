import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createAuthServer,
  observers,
  type Observer,
  openStorage,
  type ServerEvent,
} from '../../src/index.js';
import { watchStorage } from '../../src/observability/watch-storage.js';
import { StorageError } from '../../src/storage/index.js';
import { Bench, PASSWORD } from './kit.js';
import { TestBrowser } from './test-browser.js';

/** Every event of one type. */
const of = <Type extends ServerEvent['type']>(events: readonly ServerEvent[], type: Type) =>
  events.filter((event): event is Extract<ServerEvent, { type: Type }> => event.type === type);

describe('the observer', () => {
  let bench: Bench;
  let events: ServerEvent[];
  const observer: Observer = { onEvent: (event) => events.push(event) };
  beforeEach(async () => {
    events = [];
    bench = await Bench.open({ server: { observer } });
  });
  afterEach(() => bench.close());

  it('hears of a whole flow: request, question, decision, token; each by the id of its request', async () => {
    const { auth_token: token } = await bench.granted();
    expect(String(token).length).toBeGreaterThan(100);
    const [asking, , deciding, redeeming] = of(events, 'request-finished');
    const agent = 'https://agent.example';
    expect(asking).toMatchObject({ endpoint: 'token', requestType: 'auth', status: 200, agent });
    expect(deciding).toMatchObject({ endpoint: 'auth-page', status: 303, outcome: 'answered' });
    expect(redeeming).toMatchObject({ endpoint: 'token', requestType: 'code', agent });
    const audience = bench.resource.id;
    expect(of(events, 'question-asked')).toEqual([
      { type: 'question-asked', kind: 'access', agent, audience, requestId: asking?.requestId },
    ]);
    expect(of(events, 'question-decided')).toMatchObject([
      { outcome: 'granted', account: 'user-ada', requestId: deciding?.requestId },
    ]);
    expect(of(events, 'token-issued')).toMatchObject([
      { kind: 'code', agent, audience, requestId: redeeming?.requestId },
    ]);
  });

  it('hears the id that stands in the answer when a request is refused, and nothing else of it', async () => {
    const request = await bench.tokenRequest({ request_type: 'code', code: 'guessed-code-1' });
    const answer = await bench.send(request);
    const requestId = answer.headers.get('x-request-id');
    expect(requestId).toMatch(/^[\w-]{12}$/);
    expect(of(events, 'request-refused')).toEqual([
      { type: 'request-refused', code: 'invalid_grant', rule: 'code_unknown', requestId },
    ]);
    expect(of(events, 'request-finished')).toMatchObject([{ outcome: 'refused', requestId }]);
    expect(of(events, 'token-issued')).toEqual([]);
  });

  it('hears of which request without storage that follows promises, which would make all of them dearer', async () => {
    const run = vi.spyOn(AsyncLocalStorage.prototype, 'run');
    const enter = vi.spyOn(AsyncLocalStorage.prototype, 'enterWith');
    await bench.granted();
    expect(run).not.toHaveBeenCalled();
    expect(enter).not.toHaveBeenCalled();
    expect(of(events, 'token-issued')[0]?.requestId).toMatch(/^[\w-]{12}$/);
  });

  it('takes over the id that the connection gives, in the answer and in events', async () => {
    const request = await bench.tokenRequest({ request_type: 'code', code: 'x' });
    const answer = await bench.send(request, { requestId: 'proxy-1' });
    expect(answer.headers.get('x-request-id')).toBe('proxy-1');
    expect(of(events, 'request-finished').at(-1)).toMatchObject({ requestId: 'proxy-1' });
  });

  it('is not needed for that', async () => {
    const { issuer, storage, discovery, clock } = bench;
    const policy = bench.policy;
    const unwatched = await createAuthServer({ issuer, storage, discovery, clock, policy });
    const request = await bench.tokenRequest({ request_type: 'code', code: 'x' });
    const answer = await bench.send(request, { requestId: 'proxy-2' }, unwatched);
    expect(answer.headers.get('x-request-id')).toBe('proxy-2');
    expect(of(events, 'request-finished')).toEqual([]);
  });

  it('hears of a replay', async () => {
    const request = await bench.tokenRequest({ request_type: 'code', code: 'x' });
    const again = request.clone();
    await bench.send(request);
    expect(of(events, 'replay-refused')).toEqual([]);
    expect((await bench.send(again)).status).toBe(401);
    expect(of(events, 'replay-refused')).toHaveLength(1);
  });

  it('hears whose sign-in failed, and never a name that is nobody’s or a password', async () => {
    const url = bench.pageUrl(await bench.requestToken());
    for (const [username, password] of [
      ['ada', 'wrong-password'],
      ['hunter2-typed-as-name', PASSWORD],
      ['ada', PASSWORD],
    ] as const) {
      const browser = new TestBrowser(bench);
      await browser.open(url);
      await browser.press('sign-in', { username, password });
    }
    expect(of(events, 'sign-in').map(({ result, account }) => [result, account])).toEqual([
      ['failed', 'user-ada'],
      ['failed', undefined],
      ['succeeded', 'user-ada'],
    ]);
    expect(JSON.stringify(events)).not.toMatch(/hunter2|wrong-password/);
    expect(JSON.stringify(events)).not.toContain(PASSWORD);
  });

  it('changes nothing of the answer when it throws', async () => {
    const broken: Observer = {
      onEvent: () => {
        throw new Error('the log is full');
      },
      aroundRequest: async () => {
        throw new Error('the tracer is broken');
      },
    };
    const server = await bench.serverWith({ observer: broken });
    const answer = await bench.token(await bench.accessRequest(), bench.agent, server);
    expect(answer.status).toBe(200);
  });

  it('may be several, around one another, of which a broken one does not silence the rest', async () => {
    const seen: string[] = [];
    const around = (name: string): Observer => ({
      onEvent: ({ type }) => {
        if (type === 'request-finished') seen.push(name);
        if (name === 'outer') throw new Error('broken');
      },
      aroundRequest: async (_request, answer) => {
        seen.push(`${name} begins`);
        return await answer();
      },
    });
    const server = await bench.serverWith({
      observer: observers(around('outer'), around('inner')),
    });
    await bench.token({ request_type: 'code', code: 'x' }, bench.agent, server);
    expect(seen).toEqual(['outer begins', 'inner begins', 'outer', 'inner']);
  });
});

describe('watching the database', () => {
  it('tells once that it went away, and once that it is back', () => {
    const events: ServerEvent[] = [];
    const watch = watchStorage((event) => events.push(event));
    const gone = new StorageError('gone', { cause: new Error('ENOSPC') });
    watch.begin('write')(gone);
    watch.begin('write')(gone);
    watch.begin('read')();
    watch.begin('read')();
    expect(events.map(({ type }) => type).filter((type) => type !== 'storage-operation')).toEqual([
      'storage-failed',
      'storage-recovered',
    ]);
    expect(of(events, 'storage-failed')).toMatchObject([{ reason: 'gone (ENOSPC)' }]);
    expect(of(events, 'storage-operation').map(({ result }) => result)).toEqual([
      'failed',
      'failed',
      'done',
      'done',
    ]);
  });

  it('does not take an error of the caller for one of the database', () => {
    const events: ServerEvent[] = [];
    const watch = watchStorage((event) => events.push(event));
    watch.begin('read')(new TypeError('mistake'));
    expect(events).toMatchObject([{ type: 'storage-operation', result: 'done' }]);
  });

  it('says how the database is: tables, keys without their secrets, questions', async () => {
    const events: ServerEvent[] = [];
    const storage = await openStorage('sqlite::memory:', {
      onEvent: (event) => events.push(event),
    });
    expect(await storage.health.check(1)).toEqual({
      missingMigrations: [],
      signingKeys: [],
      undecidedQuestions: 0,
    });
    expect(of(events, 'storage-operation').length).toBeGreaterThan(0);
    await storage.close();
    expect(events.at(-1)).toEqual({ type: 'storage-closed' });
  });
});
