import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createResource, memoryReplayStore } from '@countersign/resource';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  authorizedRequest,
  ISSUER,
  makeKeys,
  now,
  RESOURCE,
  SCOPES,
  warmDiscovery,
} from './parties.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

function heapMegabytes() {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1_048_576;
}

/**
 * What does not change as requests go by: memory, the delay of the event loop at full load, and that a refused request
 * costs less than an accepted one. `requests` in all, 50 in flight.
 */
export async function steadyState({ requests }) {
  const keys = await makeKeys();
  const resource = createResource({
    id: RESOURCE,
    keys: keys.resource,
    authServers: [ISSUER],
    scopes: SCOPES,
    replay: memoryReplayStore({ clock: now, nothingBeforeStart: true }),
    insecureLoopback: true,
    discovery: await warmDiscovery(keys),
  });
  const requirement = { scopes: Object.keys(SCOPES) };
  const run = async (count, makeMessage, expected) => {
    let left = count;
    let message = await makeMessage();
    let signedAt = performance.now();
    const lane = async () => {
      while (left > 0) {
        left -= 1;
        const { type } = await resource.verify(message, requirement);
        if (type !== expected) throw new Error(`${type} instead of ${expected}`);
        if (performance.now() - signedAt > 20_000) {
          signedAt = performance.now();
          message = await makeMessage();
        }
      }
    };
    await Promise.all(Array.from({ length: 50 }, lane));
  };
  const accepted = () => authorizedRequest(keys);
  const stale = async () => {
    const message = await accepted();
    const headers = message.headers.map(([name, value]) =>
      name === 'Signature-Input'
        ? [name, value.replace(/created=\d+/, 'created=1')]
        : [name, value],
    );
    return { ...message, headers };
  };
  const forged = async () => {
    const message = await accepted();
    const headers = message.headers.map(([name, value]) =>
      name === 'Signature' ? [name, value.replace(/^sig1=:..../, 'sig1=:AAAA')] : [name, value],
    );
    return { ...message, headers };
  };

  await run(20_000, accepted, 'access');
  const before = heapMegabytes();
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  await run(requests, accepted, 'access');
  delay.disable();
  const after = heapMegabytes();

  const cost = async (make, expected) => {
    await run(2_000, make, expected);
    const start = process.cpuUsage();
    await run(20_000, make, expected);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 20_000;
  };
  const costs = {
    accepted: await cost(accepted, 'access'),
    stale: await cost(stale, 'challenge'),
    forged: await cost(forged, 'challenge'),
  };

  console.log(
    `\nSteady state over ${requests.toLocaleString('en')} authorized requests, 50 in flight`,
  );
  console.log(
    `heap after collection        ${before.toFixed(1)} MiB before, ${after.toFixed(1)} MiB after`,
  );
  console.log(
    `event loop delay             p50 ${(delay.percentile(50) / 1e6).toFixed(1)} ms, p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms`,
  );
  console.log(
    `CPU of one request           accepted ${costs.accepted.toFixed(0)} µs, stale ${costs.stale.toFixed(0)} µs ` +
      `(${(costs.stale / costs.accepted).toFixed(2)}), forged ${costs.forged.toFixed(0)} µs (${(costs.forged / costs.accepted).toFixed(2)})`,
  );
}
