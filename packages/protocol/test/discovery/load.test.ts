import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createDiscovery } from '../../src/discovery/create-discovery.js';
import {
  agentKind,
  answer,
  failureOf,
  FakeNetwork,
  identifier,
  manualClock,
  publicKey,
  serve,
  serveAgent,
} from './support.js';

const AGENT = identifier('https://agent.example');
const stranger = (index: number) => identifier(`https://stranger-${index}.example`);

let key: Awaited<ReturnType<typeof publicKey>>;

beforeAll(async () => {
  key = await publicKey('key-1');
});

afterEach(() => {
  vi.useRealTimers();
});

const forever = new Promise<never>(() => undefined);

describe('many at once', () => {
  it('cause one request for each document', async () => {
    const server = await serveAgent([key]);
    const discovery = createDiscovery({ clock: manualClock().read, insecureLoopback: true });
    const found = await Promise.all(
      Array.from({ length: 100 }, () => discovery.publishedKey(agentKind, server.id, 'key-1')),
    );
    expect(new Set(found).size).toBe(1);
    expect(found[0]?.jwk).toEqual(key);
    expect(server.requests).toEqual(['/.well-known/aauth-agent', '/jwks.json']);
  });

  it('share a failure as well', async () => {
    const network = new FakeNetwork();
    const discovery = createDiscovery({ clock: manualClock().read, fetchDocument: network.fetch });
    await Promise.all(
      Array.from({ length: 100 }, () => failureOf(discovery.metadata(agentKind, AGENT))),
    );
    expect(network.asked).toHaveLength(1);
  });
});

describe('a thousand strangers', () => {
  it('take bounded room and do not push out who is known', async () => {
    const network = new FakeNetwork();
    network.agent(AGENT, [key]);
    const clock = manualClock();
    const discovery = createDiscovery({
      clock: clock.read,
      fetchDocument: network.fetch,
      maxEntries: 50,
    });
    await discovery.publishedKey(agentKind, AGENT, 'key-1');
    await discovery.publishedKey(agentKind, AGENT, 'key-1');
    for (let index = 0; index < 1000; index++) {
      network.agent(stranger(index), [key]);
      await discovery.publishedKey(agentKind, stranger(index), 'key-1');
    }
    const before = network.asked.length;
    await discovery.publishedKey(agentKind, AGENT, 'key-1');
    expect(network.asked).toHaveLength(before);
    await discovery.publishedKey(agentKind, stranger(0), 'key-1');
    expect(network.asked).toHaveLength(before + 2);
  });

  it('that all fail cost no entry, and are not all remembered', async () => {
    const network = new FakeNetwork();
    network.agent(AGENT, [key]);
    const discovery = createDiscovery({
      clock: manualClock().read,
      fetchDocument: network.fetch,
      maxEntries: 50,
    });
    await discovery.publishedKey(agentKind, AGENT, 'key-1');
    for (let index = 0; index < 1000; index++) {
      await failureOf(discovery.metadata(agentKind, stranger(index)));
    }
    const before = network.asked.length;
    await discovery.publishedKey(agentKind, AGENT, 'key-1');
    await failureOf(discovery.metadata(agentKind, stranger(999)));
    expect(network.asked).toHaveLength(before);
    await failureOf(discovery.metadata(agentKind, stranger(0)));
    expect(network.asked).toHaveLength(before + 1);
  });
});

describe('a slow host', () => {
  it('delays nobody else, and its own callers no longer than the deadline', async () => {
    const slow = await serve(() => undefined);
    const honest = await serveAgent([key]);
    const discovery = createDiscovery({
      clock: manualClock().read,
      insecureLoopback: true,
      deadlineMs: 1000,
    });
    let slowSettled = false;
    const waiting = failureOf(discovery.publishedKey(agentKind, slow.id, 'key-1')).finally(() => {
      slowSettled = true;
    });
    expect(await discovery.publishedKey(agentKind, honest.id, 'key-1')).toBeDefined();
    expect(slowSettled).toBe(false);
    expect((await waiting).detail).toContain('deadline passed');
  });

  it('cannot spend the deadline twice by being slow at both documents', async () => {
    const network = new FakeNetwork();
    const discovery = createDiscovery({
      clock: manualClock().read,
      fetchDocument: network.fetch,
      deadlineMs: 200,
    });
    network.agent(AGENT, [key]);
    network.routes.set(`${AGENT}/.well-known/aauth-agent`, async () => {
      await new Promise((resolve) => setTimeout(resolve, 120));
      return answer({ agent: AGENT, jwks_uri: `${AGENT}/jwks.json` });
    });
    network.routes.set(`${AGENT}/jwks.json`, () => forever);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let failed = false;
    const waiting = failureOf(discovery.publishedKey(agentKind, AGENT, 'key-1')).finally(() => {
      failed = true;
    });
    await vi.advanceTimersByTimeAsync(120);
    expect(network.asked.at(-1)).toBe(`${AGENT}/jwks.json`);
    await vi.advanceTimersByTimeAsync(79);
    expect(failed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect((await waiting).detail).toContain('deadline passed');
  });

  it('holds a bounded number of requests; more are refused at once, and not held against it', async () => {
    const network = new FakeNetwork();
    const discovery = createDiscovery({
      clock: manualClock().read,
      fetchDocument: network.fetch,
      deadlineMs: 100,
    });
    const url = (index: number): string => `https://slow.example/${index}`;
    for (let index = 0; index < 100; index++) network.routes.set(url(index), () => forever);
    const failures = await Promise.all(
      Array.from({ length: 100 }, (_one, index) => failureOf(discovery.keyAt(url(index), 'key-1'))),
    );
    expect(network.asked).toHaveLength(6);
    expect(new Set(failures.map(({ message }) => message)).size).toBe(1);
    network.routes.set(url(99), () => answer({ keys: [key] }));
    expect(await discovery.keyAt(url(99), 'key-1')).toBeDefined();
  });

  it('in a crowd of its kind leaves room for servers that are known', async () => {
    const network = new FakeNetwork();
    const clock = manualClock();
    const discovery = createDiscovery({
      clock: clock.read,
      fetchDocument: network.fetch,
      deadlineMs: 200,
    });
    network.agent(AGENT, [key]);
    await discovery.publishedKey(agentKind, AGENT, 'key-1');
    clock.now += 301;
    const crowd = Array.from({ length: 400 }, (_one, index) => {
      network.routes.set(`${stranger(index)}/.well-known/aauth-agent`, () => forever);
      return failureOf(discovery.metadata(agentKind, stranger(index)));
    });
    const before = network.asked.length;
    expect(await discovery.publishedKey(agentKind, AGENT, 'key-1')).toBeDefined();
    expect(network.asked.slice(before)).toContain(`${AGENT}/jwks.json`);
    await Promise.all(crowd);
    expect(network.asked.length).toBeLessThanOrEqual(2 + 192 + 2);
  });
});
