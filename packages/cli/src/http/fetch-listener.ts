import { getRequestListener, type HttpBindings } from '@hono/node-server';
import type { IncomingMessage } from 'node:http';
import type { Listener } from './listen.js';

/** A handler that sees the Fetch request and what Node knows beside it. */
export type FetchHandler = (request: Request, incoming: IncomingMessage) => Promise<Response>;

/** Answers with Fetch responses. */
export function fetchListener(handler: FetchHandler): Listener {
  const listener = getRequestListener(
    (request, env) => handler(request, (env as HttpBindings).incoming),
    { overrideGlobalObjects: false },
  );
  return (incoming, outgoing) => void listener(incoming, outgoing);
}
