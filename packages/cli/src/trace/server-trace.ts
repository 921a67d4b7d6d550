import { STATUS_CODES } from 'node:http';
import type { FetchHandler } from '../http/fetch-listener.js';
import { messageBlock } from './block.js';

export interface ServerTrace {
  /** `RESOURCE` or `AUTH SERVER`. */
  readonly party: string;
  /** Which paths are traced. */
  readonly paths: (path: string) => boolean;
  readonly write: (text: string) => void;
}

/** Wraps a server: writes what it receives and answers. Shows tokens and codes: for demonstrations and debugging. */
export function traceServer(handler: FetchHandler, trace: ServerTrace): FetchHandler {
  return async (request, incoming) => {
    if (!trace.paths(new URL(request.url).pathname)) return await handler(request, incoming);
    const body = request.body === null ? undefined : await request.clone().bytes();
    trace.write(
      messageBlock(`>>> ${trace.party} REQUEST received`, {
        startLine: `${request.method} ${incoming.url ?? ''} HTTP/${incoming.httpVersion}`,
        headers: request.headers,
        body,
      }),
    );
    const response = await handler(request, incoming);
    trace.write(
      messageBlock(`<<< ${trace.party} RESPONSE`, {
        startLine: `HTTP/1.1 ${response.status} ${STATUS_CODES[response.status] ?? ''}`.trimEnd(),
        headers: response.headers,
        body: await response.clone().bytes(),
      }),
    );
    return response;
  };
}
