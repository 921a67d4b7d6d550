import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener, type HttpBindings } from '@hono/node-server';

export type Handler = (request: Request, incoming: IncomingMessage) => Promise<Response>;

/** A server on a free loopback port. What it answers is set once its address is known. */
export class Served {
  handler: Handler = () => Promise.resolve(new Response('not yet', { status: 503 }));
  /** Method and target of each request, in order. */
  readonly asked: string[] = [];
  /** The headers of the last request of each method. */
  readonly headers = new Map<string, IncomingMessage['headers']>();
  origin = '';
  readonly #server: Server;

  constructor() {
    const listener = getRequestListener(
      (request, env) => this.handler(request, (env as HttpBindings).incoming),
      { overrideGlobalObjects: false },
    );
    this.#server = createServer((incoming, outgoing) => {
      this.asked.push(`${incoming.method} ${incoming.url}`);
      this.headers.set(incoming.method ?? '', incoming.headers);
      void listener(incoming, outgoing);
    });
  }

  /** Listens on 127.0.0.1 and goes by `host`. */
  async listen(host = '127.0.0.1'): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.origin = `http://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
