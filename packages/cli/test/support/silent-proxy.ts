import { connect, createServer, type Socket } from 'node:net';
import { freePort } from './servers.js';

/** A way to another port that can fall silent without breaking any connection, as networks do. */
export interface SilentProxy {
  readonly port: number;
  fallSilent(): void;
  close(): void;
}

export async function startSilentProxy(target: number): Promise<SilentProxy> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  let silent = false;
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => undefined);
      from.on('data', (bytes) => {
        if (!silent) to.write(bytes);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port,
    fallSilent: () => {
      silent = true;
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
