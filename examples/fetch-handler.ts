/** The same without a framework: a Fetch handler for any runtime. */
import type { KeySet } from '@countersign/protocol';
import { createResource, type ReplayStore } from '@countersign/resource';

export function fetchHandler(
  keys: KeySet,
  replay: ReplayStore,
): (request: Request) => Promise<Response> {
  const resource = createResource({
    id: 'https://api.example',
    keys,
    authServers: ['https://auth.example'],
    scopes: { 'data.read': 'Read your data' },
    replay,
  });
  const data = resource.guard({ scopes: ['data.read'] }, (_request, access) =>
    Response.json({ scheme: access.scheme, level: access.level }),
  );
  return async (request) => {
    if (new URL(request.url).pathname === '/data') return await data(request);
    return (await resource.handle(request)) ?? new Response('Not found', { status: 404 });
  };
}
