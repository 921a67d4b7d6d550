import { describe, expect, it } from 'vitest';
import { createDiscovery } from '../../src/discovery/create-discovery.js';
import type { DiscoveryLookup } from '../../src/discovery/discovery-lookup.js';
import {
  agentKind,
  failureOf,
  FakeNetwork,
  identifier,
  manualClock,
  publicKey,
  serve,
} from './support.js';

const AGENT = identifier('https://agent.example');

async function watchedWorld() {
  const network = new FakeNetwork();
  network.agent(AGENT, [await publicKey('key-1')]);
  const clock = manualClock();
  const lookups: DiscoveryLookup[] = [];
  let away = false;
  const discovery = createDiscovery({
    clock: clock.read,
    fetchDocument: async (url, options) => {
      if (away) throw new Error('away');
      return await network.fetch(url, options);
    },
    onLookup: (lookup) => lookups.push(lookup),
  });
  const results = () => lookups.splice(0).map(({ document, result }) => `${document} ${result}`);
  return {
    discovery,
    clock,
    lookups,
    results,
    goAway: () => {
      away = true;
    },
  };
}

describe('look-ups', () => {
  it('tell of each document whether a host was asked for it, and how long it took', async () => {
    const { discovery, lookups, results } = await watchedWorld();
    await discovery.publishedKey(agentKind, AGENT, 'key-1');
    expect(lookups[0]).toMatchObject({ host: 'agent.example', document: 'metadata' });
    expect(lookups[0]?.durationMilliseconds).toBeGreaterThanOrEqual(0);
    expect(results()).toEqual(['metadata fetched', 'keys fetched']);
    await discovery.publishedKey(agentKind, AGENT, 'key-1');
    expect(results()).toEqual(['metadata cached', 'keys cached']);
  });

  it('tell once of documents that are held and lack what is wanted', async () => {
    const { discovery, clock, results } = await watchedWorld();
    await discovery.publishedKey(agentKind, AGENT, 'key-1');
    results();
    expect(await discovery.publishedKey(agentKind, AGENT, 'key-2')).toBeUndefined();
    const asked = ['metadata cached', 'keys cached', 'metadata fetched', 'keys fetched'];
    expect(results()).toEqual(asked);
    clock.now += 1;
    await discovery.metadata(agentKind, AGENT);
    expect(results()).toEqual(['metadata cached']);
  });

  it('tell of what is served stale while its host is away', async () => {
    const { discovery, clock, results, goAway } = await watchedWorld();
    await discovery.metadata(agentKind, AGENT);
    results();
    goAway();
    clock.now += 400;
    await discovery.metadata(agentKind, AGENT);
    expect(results()).toEqual(['metadata stale']);
  });

  it('tell of a failure, and that it was remembered and the host not asked again', async () => {
    const { discovery, results, goAway } = await watchedWorld();
    goAway();
    await failureOf(discovery.metadata(agentKind, AGENT));
    await failureOf(discovery.metadata(agentKind, AGENT));
    expect(results()).toEqual(['metadata failed', 'metadata failed-before']);
  });

  it('send no header of a trace to the host', async () => {
    const seen: string[] = [];
    const host = await serve((request, response) => {
      seen.push(...Object.keys(request.headers));
      response.end();
    });
    const discovery = createDiscovery({ clock: () => 1, insecureLoopback: true });
    await failureOf(discovery.metadata(agentKind, host.id));
    expect(seen.sort()).toEqual(['accept', 'accept-encoding', 'connection', 'host', 'user-agent']);
  });
});
