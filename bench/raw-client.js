import { connect } from 'node:net';

/**
 * Sends the same prepared request over `connections` kept-alive sockets, one at a time on each, for `milliseconds`.
 * Cheaper than any HTTP client, so that the server is what is measured. Returns requests per second and latencies.
 */
export async function load({ port, request, connections, milliseconds, expectStatus = 200 }) {
  const bytes = Buffer.from(request);
  const end = performance.now() + milliseconds;
  const latencies = [];
  const started = performance.now();
  const lane = () =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.setNoDelay(true);
      let sent = 0;
      let held = '';
      const send = () => {
        if (performance.now() >= end) {
          socket.destroy();
          resolve();
          return;
        }
        sent = performance.now();
        socket.write(bytes);
      };
      socket.on('connect', send);
      socket.on('error', reject);
      socket.on('data', (chunk) => {
        held += chunk.toString('latin1');
        const head = held.indexOf('\r\n\r\n');
        if (head < 0) return;
        const length = Number(/\r\ncontent-length: (\d+)/i.exec(held)?.[1] ?? 0);
        if (held.length < head + 4 + length) return;
        if (!held.startsWith(`HTTP/1.1 ${expectStatus}`)) {
          reject(new Error(`unexpected answer: ${held.slice(0, 200)}`));
          return;
        }
        latencies.push(performance.now() - sent);
        held = '';
        send();
      });
    });
  await Promise.all(Array.from({ length: connections }, lane));
  latencies.sort((one, other) => one - other);
  const at = (share) => latencies[Math.floor(latencies.length * share)];
  return {
    perSecond: (latencies.length / (performance.now() - started)) * 1000,
    p50: at(0.5),
    p99: at(0.99),
  };
}
