import { parseUrl } from '@countersign/protocol';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Agent } from '../options.js';

export interface ListenOptions {
  readonly port: number;
  /** The address to listen on. Default `127.0.0.1`. */
  readonly host?: string;
}

export interface CallbackListener {
  /** `http://host:port`, with the port that was given out when 0 was asked for. */
  readonly url: string;
  /** Stops listening and closes all connections. */
  close(): Promise<void>;
}

/**
 * Serves `agent.handle` over plain HTTP: the agent's metadata, JWKS and callback, and an agent server's delegate tokens;
 * 404 for anything else. Rejects when
 * the port cannot be had. What the requests' `Host` says is not looked at. For TLS, put `agent.handle` into a server
 * of your own.
 */
export async function listenForCallback(
  agent: Pick<Agent, 'handle'>,
  options: ListenOptions,
): Promise<CallbackListener> {
  const { port, host = '127.0.0.1' } = options;
  // Timeouts are looked at this often; by default so seldom that they come half a minute late.
  const server = createServer({ connectionsCheckingInterval: 1_000 }, (message, response) => {
    void answer(agent, message, response);
  });
  server.requestTimeout = 10_000;
  server.headersTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port: given } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${given}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  agent: Pick<Agent, 'handle'>,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let reply: Response | undefined;
  try {
    const request = requestOf(message, await readBody(message));
    reply =
      request === undefined
        ? new Response(null, { status: 400 })
        : await agent.handle(request, message);
  } catch {
    // The agent's store, or another thing it was configured with.
    reply = new Response(null, { status: 503, headers: { 'Retry-After': '10' } });
  }
  reply ??= new Response('Not found', { status: 404 });
  response.writeHead(reply.status, [...reply.headers].flat());
  response.end(message.method === 'HEAD' ? undefined : Buffer.from(await reply.arrayBuffer()));
}

/** Longer than any body that is wanted here. What is beyond is not kept, and the handler finds it too large. */
const MAX_KEPT_BYTES = 65_536;

/** The body of a POST; no other request has one that is wanted. */
async function readBody(message: IncomingMessage): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (message.method !== 'POST') {
    message.resume();
    return undefined;
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    if (length <= MAX_KEPT_BYTES) chunks.push(chunk);
    length += chunk.length;
  }
  return length === 0 ? undefined : new Uint8Array(Buffer.concat(chunks));
}

function requestOf(
  message: IncomingMessage,
  body: Uint8Array<ArrayBuffer> | undefined,
): Request | undefined {
  const target = message.url ?? '';
  // The target is appended, never resolved: an absolute form or `//host` must not become another address.
  const address = `http://agent.invalid${target}`;
  if (!target.startsWith('/') || parseUrl(address) === undefined) return undefined;
  const headers = new Headers();
  if (message.headers.cookie !== undefined) headers.set('cookie', message.headers.cookie);
  try {
    const { method = 'GET' } = message;
    // Other header lines are read from the message itself.
    return new Request(address, { method, headers, body: body ?? null });
  } catch {
    return undefined; // TRACE and CONNECT
  }
}
