import { memoryReplayStore, systemClock } from '@countersign/protocol';
import { createResource, memoryRateLimitStore } from '@countersign/resource';
import { describe, expect, it } from 'vitest';
import { temporaryKeys } from '../src/keys-file.js';
import { demonstrationResource } from '../src/serve/demonstration-resource.js';

async function app() {
  const resource = createResource({
    id: 'https://rs.example',
    keys: await temporaryKeys('resource-key-1'),
    authServers: ['https://as.example'],
    scopes: { 'data.read': 'Read your data' },
    replay: memoryReplayStore({ clock: systemClock }),
    rateLimits: memoryRateLimitStore(),
    clock: () => 1_768_786_030,
  });
  return demonstrationResource(resource, ['data.read']);
}

/** Node's request behind the server, as far as a Hono context shows it. */
const from = (remoteAddress: string) => ({
  incoming: {
    url: '/data-progressive',
    rawHeaders: ['Host', 'rs.example'],
    socket: { remoteAddress },
  },
});
const ADDRESS = 'https://rs.example/data-progressive';

describe('/data-progressive of the demonstration resource', () => {
  it('lets an address in ten times a minute without a signature, by the peer of the connection', async () => {
    const demonstration = await app();
    const get = (address: string) => demonstration.request(ADDRESS, {}, from(address));
    const first = await get('203.0.113.7');
    expect(await first.json()).toMatchObject({
      message: 'Access granted',
      scheme: null,
      token_type: null,
      method: 'GET',
      agent: null,
      scope: null,
    });
    for (let at = 1; at < 10; at += 1) expect((await get('203.0.113.7')).status).toBe(200);
    const refused = await get('203.0.113.7');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('agent-auth')).toBe('httpsig');
    expect(refused.headers.get('retry-after')).toBe('60');
    expect((await get('203.0.113.8')).status).toBe(200);
  });

  it('takes GET and POST', async () => {
    const response = await (await app()).request(ADDRESS, { method: 'PUT' }, from('203.0.113.7'));
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
  });
});
