import { createAgent, enrolmentSecrets } from '@countersign/agent';
import type { ServeAgentOptions } from '../commands/serve-agent.js';
import { fetchListener } from '../http/fetch-listener.js';
import { loadKeysFile } from '../keys-file.js';
import { openLog } from '../observability/log.js';
import { openAgentDatabase } from '../options/agent-database.js';
import { readAddress } from '../options/identifier.js';
import { serveUntilStopped } from './serve-until-stopped.js';

/** `countersign serve agent`: publishes an identity for its delegates, and for programs that share its keys file. */
export async function serveAgent(options: ServeAgentOptions): Promise<void> {
  const { host, name, homepage } = options;
  const { id, port } = readAddress('--id', { id: options.id, port: options.port }, 8001, true);
  // What is on the agent's own origin is its callback; others are its delegates'.
  const [ours, theirs] = partition(options.redirectUri ?? [], (one) => one.startsWith(`${id}/`));
  const [redirectUri, ...further] = ours;
  const log = await openLog({ format: options.log, level: options.logLevel });
  const start = async () => {
    const keys = await loadKeysFile(options.keys);
    const store = openAgentDatabase(options.database);
    const agent = createAgent({
      id,
      keys,
      delegates: {
        authenticate: enrolmentSecrets(store.delegates),
        replay: store.replay,
        onRefused: (error) => {
          log.refused(error);
        },
      },
      otherRedirectUris: [...further, ...theirs],
      insecureLoopback: id.startsWith('http://'),
      interaction: { mode: 'none' },
      ...(redirectUri === undefined ? {} : { redirectUri }),
      ...(name === undefined ? {} : { name }),
      ...(homepage === undefined ? {} : { homepage }),
    });
    return {
      title: `Agent ${id}`,
      listener: fetchListener(
        async (request, incoming) =>
          (await agent.handle(request, incoming)) ?? new Response('Not found', { status: 404 }),
      ),
      stop: async () => {
        store.close();
      },
    };
  };
  await serveUntilStopped({ host, port, log, start });
}

function partition<T>(all: readonly T[], belongs: (one: T) => boolean): [T[], T[]] {
  return [all.filter(belongs), all.filter((one) => !belongs(one))];
}
