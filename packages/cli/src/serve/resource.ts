import { createResource, memoryRateLimitStore } from '@countersign/resource';
import { sqliteReplayStore } from '@countersign/resource/sqlite';
import { UsageError } from '../command-error.js';
import type { ServeResourceOptions } from '../commands/serve-resource.js';
import { type FetchHandler, fetchListener } from '../http/fetch-listener.js';
import { loadEncryptionKeysFile, loadKeysFile } from '../keys-file.js';
import { openLog } from '../observability/log.js';
import { acceptedWires } from '../options/accepted-wires.js';
import { readAddress, readIdentifier } from '../options/identifier.js';
import { note } from '../terminal.js';
import { traceServer } from '../trace/server-trace.js';
import { DATA_PATHS, demonstrationResource } from './demonstration-resource.js';
import { describeScopes } from './scopes.js';
import { serveUntilStopped } from './serve-until-stopped.js';

/** `countersign serve resource`: the demonstration resource. */
export async function serveResource(options: ServeResourceOptions): Promise<void> {
  const { host, insecureLoopback = false } = options;
  const given = { id: options.id, port: options.port };
  const { id, port } = readAddress('--id', given, 8002, insecureLoopback);
  const authServers = readAuthServers(options.authServer ?? [], insecureLoopback);
  const scopes = describeScopes(options.scope);
  const log = await openLog({ format: options.log, level: options.logLevel });
  const start = async () => {
    const { encryptionKeys } = options;
    const tokenOpener =
      encryptionKeys === undefined ? undefined : await loadEncryptionKeysFile(encryptionKeys);
    const replay = sqliteReplayStore(options.replay);
    const resource = createResource({
      id,
      keys: await loadKeysFile(options.keys),
      authServers,
      scopes,
      replay,
      rateLimits: memoryRateLimitStore(),
      ...(tokenOpener === undefined ? {} : { tokenOpener }),
      acceptWire: acceptedWires(options.acceptWire),
      insecureLoopback,
      onRefused: (error) => {
        log.refused(error);
      },
    });
    const app = demonstrationResource(
      resource,
      Object.keys(scopes),
      tokenOpener === undefined ? undefined : { purpose: 'To show how a token is encrypted' },
    );
    const handler: FetchHandler = async (request, incoming) =>
      await app.fetch(request, { incoming });
    if (options.trace) note('WARNING: --trace writes tokens to standard error.');
    return {
      title: `Resource ${id}`,
      listener: fetchListener(options.trace ? traced(handler) : handler),
      stop: async () => {
        replay.close();
      },
    };
  };
  await serveUntilStopped({ host, port, log, start });
}

function readAuthServers(
  given: readonly string[],
  insecureLoopback: boolean,
): readonly [string, ...string[]] {
  const [first, ...others] = given.map((one) =>
    readIdentifier('--auth-server', one, insecureLoopback),
  );
  if (first === undefined) {
    throw new UsageError(
      '--auth-server is missing: give the identifier of the auth server whose tokens are accepted.',
    );
  }
  return [first, ...others];
}

function traced(handler: FetchHandler): FetchHandler {
  return traceServer(handler, {
    party: 'RESOURCE',
    paths: (path) => DATA_PATHS.includes(path),
    write: (text) => process.stderr.write(text),
  });
}
