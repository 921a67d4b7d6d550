import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';

/** An answer, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export type Headers = Readonly<Record<string, string>>;

/** Sends one request on a connection of its own. */
export async function send(
  method: string,
  url: string,
  headers: Headers = {},
  body = '',
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      response.setEncoding('utf8');
      let text = '';
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

export async function getJson(url: string): Promise<Record<string, unknown>> {
  const { status, text } = await send('GET', url);
  if (status !== 200) throw new Error(`${url} answered ${status}`);
  return JSON.parse(text) as Record<string, unknown>;
}

/** What a peer's route is given. */
export interface Received {
  readonly method: string;
  readonly path: string;
  /** Behind the `?`, as sent. */
  readonly query: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Headers;
  readonly body?: string;
}

export const json = (value: unknown, status = 200): Reply => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

export const html = (body: string): Reply => ({
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body,
});

export interface PeerServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves on any free port of 127.0.0.1. */
export async function serve(
  route: (received: Received) => Promise<Reply> | Reply,
): Promise<PeerServer> {
  const server = createServer((incoming, outgoing) => void answer(incoming, outgoing, route));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  route: (received: Received) => Promise<Reply> | Reply,
): Promise<void> {
  let body = '';
  incoming.setEncoding('utf8');
  for await (const chunk of incoming) body += chunk;
  const [path = '', query] = (incoming.url ?? '').split('?', 2);
  const { method = '', headers } = incoming;
  let reply: Reply;
  try {
    reply = await route({ method, path, query, headers, body });
  } catch (error) {
    reply = json({ error: 'server_error', error_description: String(error) }, 500);
  }
  outgoing.writeHead(reply.status, reply.headers);
  outgoing.end(reply.body);
}
