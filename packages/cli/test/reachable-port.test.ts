import { expect, it } from 'vitest';
import { isReachablePort } from '../src/options/reachable-port.js';

/** Whether the platform's Fetch refuses the port by itself. Nobody is asked: what it would connect to is cut off. */
async function isBlocked(port: number): Promise<boolean> {
  const stop = new AbortController();
  const asked = fetch(`http://127.0.0.1:${port}/`, { signal: stop.signal });
  setImmediate(() => stop.abort());
  const failure = await asked.then(
    () => undefined,
    (error: unknown) => error as Error,
  );
  return /bad port/.test(String((failure?.cause as Error | undefined)?.message));
}

it('holds a port for reachable just where Fetch would ask somebody at it', async () => {
  const all = Array.from({ length: 10_200 }, (_, index) => index + 1);
  const listed = all.filter((port) => !isReachablePort(port));
  const tried = new Set(listed.flatMap((port) => [port - 1, port, port + 1]).concat(80, 443, 8003));
  tried.delete(0);
  const blocked: number[] = [];
  for (const port of tried) if (await isBlocked(port)) blocked.push(port);
  expect(blocked.toSorted((one, other) => one - other)).toEqual(listed);
  expect(listed.length).toBeGreaterThan(80);
});
