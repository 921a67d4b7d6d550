import { createAgent } from '@countersign/agent';
import { CommandError } from '../command-error.js';
import type { ServeAgentOptions } from '../commands/serve-agent.js';
import { loadKeysFile } from '../keys-file.js';
import { readAddress } from '../options/identifier.js';
import { serveUntilStopped } from './serve-until-stopped.js';

/** `countersign serve agent`: publishes an identity for programs elsewhere that share its keys file. */
export async function serveAgent(options: ServeAgentOptions): Promise<void> {
  const { host, redirectUri, name, homepage } = options;
  const { id, port } = readAddress('--id', { id: options.id, port: options.port }, 8001, true);
  const start = async () => {
    const agent = createAgent({
      id,
      keys: await loadKeysFile(options.keys),
      insecureLoopback: id.startsWith('http://'),
      showAddressToCopy: true,
      interaction: {
        mode: 'wait',
        present: () => {
          throw new CommandError('This server starts no flows of its own.');
        },
      },
      ...(redirectUri === undefined ? {} : { redirectUri }),
      ...(name === undefined ? {} : { name }),
      ...(homepage === undefined ? {} : { homepage }),
    });
    return {
      title: `Agent ${id}`,
      handler: async (request: Request) =>
        (await agent.handle(request)) ?? new Response('Not found', { status: 404 }),
    };
  };
  await serveUntilStopped({ host, port, start });
}
