import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { CommandError, UsageError } from '../command-error.js';
import { answerUnreadable, type UnreadableRequest } from './unreadable-request.js';

/** Answers a request on the connection it came from: a `fetchListener`, or a `textListener`. */
export type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

export interface ListenOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** The option that sets the port, for messages. Default `--port`. */
  readonly portSetting?: string;
  /** The option that sets the host, for messages. Default `--host`. */
  readonly hostSetting?: string;
  /** Told of each answer, for access lines. */
  readonly onAnswer?: (line: AccessLine) => void;
  /** Told of what could not be read as a request. */
  readonly onUnreadable?: (request: UnreadableRequest) => void;
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
  /** `http://host:port`. */
  readonly url: string;
  /** Takes no new connections, waits for the requests in flight (at most 8 s), then closes. */
  close(): Promise<void>;
}

/** Somebody else listens on that port. */
export class PortTakenError extends CommandError {}

/** Shorter than the ten seconds after which containers are killed, with time left to close the database. */
const DRAIN_MILLISECONDS = 8_000;

/** Serves over HTTP. Slow clients time out; the header block is held to 16 KiB. */
export async function listen(listener: Listener, options: ListenOptions): Promise<Listening> {
  /** How many requests of a connection are being answered. */
  const connections = new Map<Socket, number>();
  const answering = new Set<ServerResponse>();
  let closing = false;
  const server = createServer(
    {
      maxHeaderSize: 16 * 1024,
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      keepAliveTimeout: 5_000,
      // How often the two timeouts above are looked at; by default so seldom that they come half a minute late.
      connectionsCheckingInterval: 1_000,
    },
    (incoming, outgoing) => {
      const { onAnswer } = options;
      const { socket } = incoming;
      connections.set(socket, (connections.get(socket) ?? 0) + 1);
      answering.add(outgoing);
      // A connection that goes with this answer says so, for its client to send the next request elsewhere.
      if (closing) outgoing.shouldKeepAlive = false;
      outgoing.once('close', () => {
        answering.delete(outgoing);
        const others = (connections.get(socket) ?? 1) - 1;
        connections.set(socket, others);
        if (closing && others === 0) socket.end();
      });
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
      listener(incoming, outgoing);
    },
  );
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    // Always a socket: this server speaks plain HTTP.
    const socket = stream as Socket;
    const unreadable = answerUnreadable(error, socket, (connections.get(socket) ?? 0) > 0);
    if (unreadable !== undefined) options.onUnreadable?.(unreadable);
  });
  server.on('connection', (socket: Socket) => {
    connections.set(socket, 0);
    socket.once('close', () => connections.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(listenProblem(error, options));
    });
    server.listen(options.port, options.host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const { host } = options;
  return {
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    close: () =>
      new Promise((resolve) => {
        closing = true;
        for (const outgoing of answering) outgoing.shouldKeepAlive = false;
        const force = setTimeout(() => {
          server.closeAllConnections();
        }, DRAIN_MILLISECONDS);
        server.close(() => {
          clearTimeout(force);
          resolve();
        });
        // Kept alive, or opened by a browser in advance: nothing comes on these any more.
        for (const [socket, requests] of connections) if (requests === 0) socket.destroy();
      }),
  };
}

function listenProblem(error: NodeJS.ErrnoException, options: ListenOptions): CommandError {
  const { host, port, portSetting = '--port', hostSetting = '--host' } = options;
  switch (error.code ?? '') {
    case 'EADDRINUSE':
      return new PortTakenError(
        `Port ${port} on ${host} is in use: stop what is using it, or choose another with ${portSetting}.`,
      );
    case 'EACCES':
      return new CommandError(
        `Port ${port} on ${host} may not be used by this account: choose one above 1023 with ${portSetting}.`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new UsageError(
        `${hostSetting} is "${host}", which is not an address of this machine. 0.0.0.0 stands for all of them.`,
      );
    default:
      return new CommandError(`Cannot listen on ${host}:${port} (${error.code ?? error.message}).`);
  }
}
