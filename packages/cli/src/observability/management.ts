import { fetchListener } from '../http/fetch-listener.js';
import { listen, type Listening } from '../http/listen.js';
import type { Metrics } from './metrics.js';
import type { Readiness } from './readiness.js';

export interface ManagementOptions {
  readonly host: string;
  readonly port: number;
  readonly readiness: Readiness;
  readonly metrics: Metrics;
}

type Page = () => Promise<Response> | Response;

/** The port for whoever operates the server: `/healthz`, `/readyz` and `/metrics`. Never the public one. */
export async function openManagement(options: ManagementOptions): Promise<Listening> {
  const { host, port } = options;
  return await listen(fetchListener(managementHandler(options)), {
    host,
    port,
    portSetting: '--management-port',
    hostSetting: '--management-host',
  });
}

/** What the port answers. */
export function managementHandler({
  readiness,
  metrics,
}: Pick<ManagementOptions, 'readiness' | 'metrics'>): (request: Request) => Promise<Response> {
  const pages = new Map<string, Page>([
    ['/healthz', () => status(200, { status: 'alive' })],
    [
      '/readyz',
      async () => {
        const reason = await readiness.unready();
        return reason === undefined
          ? status(200, { status: 'ready' })
          : status(503, { status: 'unavailable', reason });
      },
    ],
    [
      '/metrics',
      async () =>
        new Response(await metrics.text(), {
          headers: { 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' },
        }),
    ],
  ]);
  return async (request) => {
    const page = pages.get(new URL(request.url).pathname);
    if (page === undefined) return status(404, { error: 'There is nothing at this address.' });
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const refused = status(405, { error: 'This address takes GET and HEAD.' });
      refused.headers.set('Allow', 'GET, HEAD');
      return refused;
    }
    const response = await page();
    return request.method === 'HEAD' ? new Response(null, response) : response;
  };
}

function status(code: number, content: object): Response {
  return Response.json(content, { status: code, headers: { 'Cache-Control': 'no-store' } });
}
