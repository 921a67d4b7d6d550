import { afterAll } from 'vitest';
import { type FetchHandler, fetchListener } from '../../src/http/fetch-listener.js';
import { type Listening, listen } from '../../src/http/listen.js';
import { freePort } from './servers.js';

const open: Listening[] = [];
afterAll(async () => {
  await Promise.all(open.map((one) => one.close()));
});

/** Something on loopback whose handler is made once its address is known. */
export interface Party {
  readonly id: string;
  readonly serve: (handler: FetchHandler) => void;
}

/** Listens until the tests of the file are over; answers 503 until it has a handler. */
export async function party(): Promise<Party> {
  let handler: FetchHandler = async () => new Response(null, { status: 503 });
  const listener = fetchListener((request, incoming) => handler(request, incoming));
  const listening = await listen(listener, { host: '127.0.0.1', port: await freePort() });
  open.push(listening);
  return { id: listening.url, serve: (next) => (handler = next) };
}
