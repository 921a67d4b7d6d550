import { messageBlock } from './block.js';

type Transport = (input: Request) => Promise<Response>;

const SIGNED = [
  'content-digest',
  'content-type',
  'nonce',
  'signature',
  'signature-input',
  'signature-key',
];

const titleCase = (name: string): string =>
  name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());

/** Wraps an agent's transport: writes every signed request and its answer as the captured run shows them. */
export function traceAgent(transport: typeof fetch, write: (text: string) => void): typeof fetch {
  const send: Transport = (request) => transport(request);
  return async (input, init) => {
    const request = new Request(input, init);
    if (!request.headers.has('signature')) return await send(request);
    const { method, url } = request;
    const body = request.body === null ? undefined : await request.clone().bytes();
    write(
      messageBlock(`>>> AGENT REQUEST to ${url}`, {
        startLine: `${method} ${url} HTTP/1.1`,
        headers: [...request.headers]
          .filter(([name]) => SIGNED.includes(name))
          .map(([name, value]) => [titleCase(name), value] as const),
        body,
      }),
    );
    const response = await send(request);
    write(
      messageBlock(`<<< AGENT RESPONSE from ${url}`, {
        startLine: `HTTP/1.1 ${response.status} ${response.statusText}`.trimEnd(),
        headers: response.headers,
        body: await response.clone().bytes(),
      }),
    );
    return response;
  };
}
