import { HttpClient } from './http-client.js';

/**
 * Sends the same prepared request over `connections` kept-alive sockets, one at a time on each, for `milliseconds`.
 * Returns requests per second and latencies.
 */
export async function load({ port, request, connections, milliseconds, expectStatus = 200 }) {
  const client = new HttpClient(port);
  const latencies = [];
  const started = performance.now();
  const end = started + milliseconds;
  const lane = async () => {
    for (let sent = performance.now(); sent < end; sent = performance.now()) {
      const { status, head } = await client.send(request);
      if (status !== expectStatus) throw new Error(`unexpected answer: ${head}`);
      latencies.push(performance.now() - sent);
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, lane));
  } finally {
    client.close();
  }
  const perSecond = (latencies.length / (performance.now() - started)) * 1000;
  latencies.sort((one, other) => one - other);
  const at = (share) => latencies[Math.floor(latencies.length * share)];
  return { perSecond, p50: at(0.5), p99: at(0.99) };
}
