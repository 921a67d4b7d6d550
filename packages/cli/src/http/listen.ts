import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CommandError } from '../command-error.js';

/** A handler that sees the Fetch request and what Node knows beside it. */
export type NodeHandler = (request: Request, incoming: IncomingMessage) => Promise<Response>;

export interface ListenOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Told of each answer, for access lines. */
  readonly onAnswer?: (line: AccessLine) => void;
}

export interface AccessLine {
  readonly peer: string;
  readonly method: string;
  /** The target as sent, query included: take care where it is written. */
  readonly target: string;
  readonly httpVersion: string;
  readonly status: number;
  readonly reason: string;
}

export interface Listening {
  readonly port: number;
  /** Takes no new connections, waits for the requests in flight (at most 10 s), then closes. */
  close(): Promise<void>;
}

const DRAIN_MILLISECONDS = 10_000;

/** Serves `handler` over HTTP. Slow clients time out; the header block is held to 16 KiB. */
export async function listen(handler: NodeHandler, options: ListenOptions): Promise<Listening> {
  const listener = getRequestListener(
    (request, env) => handler(request, (env as HttpBindings).incoming),
    { overrideGlobalObjects: false },
  );
  const server = createServer(
    {
      maxHeaderSize: 16 * 1024,
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 5_000,
    },
    (incoming, outgoing) => {
      const { onAnswer } = options;
      if (onAnswer !== undefined) {
        const { remoteAddress = '-', remotePort = 0 } = incoming.socket;
        outgoing.once('finish', () => {
          onAnswer({
            peer: `${remoteAddress}:${remotePort}`,
            method: incoming.method ?? '-',
            target: incoming.url ?? '-',
            httpVersion: incoming.httpVersion,
            status: outgoing.statusCode,
            reason: STATUS_CODES[outgoing.statusCode] ?? '',
          });
        });
      }
      void listener(incoming, outgoing);
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new CommandError(listenProblem(error, options)));
    });
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        const force = setTimeout(() => {
          server.closeAllConnections();
        }, DRAIN_MILLISECONDS);
        server.close(() => {
          clearTimeout(force);
          resolve();
        });
        server.closeIdleConnections();
      }),
  };
}

function listenProblem(error: NodeJS.ErrnoException, { host, port }: ListenOptions): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is in use. Stop what is using it, or choose another port.`;
    case 'EACCES':
      return `Port ${port} on ${host} may not be used by this account. Choose one above 1023.`;
    case 'EADDRNOTAVAIL':
      return `${host} is not an address of this machine.`;
    default:
      return `Cannot listen on ${host}:${port} (${error.code ?? 'unknown error'}).`;
  }
}
