import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { compare, median, printTable } from './measure.js';
import { load } from './route-load.js';

/** The guarded `/data-auth` over loopback HTTP, against the same server's unguarded route. */
export async function guardedRoute({ rounds, milliseconds }) {
  const server = fork(fileURLToPath(new URL('./guarded-server.js', import.meta.url)));
  const [{ port }] = await once(server, 'message');
  // The same bytes to every route, so that reading them costs the same.
  const requestTo = async (path) => {
    server.send('sign');
    const [{ headers }] = await once(server, 'message');
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    return `GET ${path} HTTP/1.1\r\n${lines}\r\n`;
  };
  const rows = [];
  for (const [against, connections] of [1, 16, 64].flatMap((n) => [
    ['open', n],
    ['bare', n],
  ])) {
    const latencies = [];
    const result = await compare({
      rounds,
      baseline: async () =>
        (await load({ port, request: await requestTo(`/${against}`), connections, milliseconds }))
          .perSecond,
      subject: async () => {
        const measured = await load({
          port,
          request: await requestTo('/data-auth'),
          connections,
          milliseconds,
        });
        latencies.push(measured);
        return measured.perSecond;
      },
    });
    const p50 = median(latencies.map((one) => one.p50));
    const p99 = median(latencies.map((one) => one.p99));
    rows.push({
      name: `${connections} conn. / ${against}, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`,
      ...result,
    });
  }
  server.send('stop');
  await once(server, 'exit');
  printTable(
    'Guarded /data-auth over HTTP, against the unguarded route of the same server',
    'requests per second',
    rows,
  );
}
