import { UsageError } from '../command-error.js';
import type { ServeAuthServerOptions } from '../commands/serve-auth-server.js';
import { readTrustedProxies } from '../http/client-address.js';
import { openLog } from '../observability/log.js';
import { readDevelopmentUsers } from '../options/development-users.js';
import { readAddress, readIdentifier } from '../options/identifier.js';
import { serveUntilStopped } from './serve-until-stopped.js';

/** `countersign serve auth-server`. */
export async function serveAuthServer(options: ServeAuthServerOptions): Promise<void> {
  const { host, insecureLoopback = false } = options;
  const given = { id: options.issuer, port: options.port };
  const { id: issuer, port } = readAddress('--issuer', given, 8003, insecureLoopback);
  const trustedProxies = readTrustedProxies(options.trustedProxy ?? []);
  const users = readDevelopmentUsers(options.user ?? []);
  const trustedIssuers = (options.trust ?? []).map((one) =>
    readIdentifier('--trust', one, insecureLoopback),
  );
  if (trustedIssuers.includes(issuer)) {
    throw new UsageError(`--trust is "${issuer}": that is this server, which trusts itself.`);
  }
  const log = await openLog({ format: options.log, level: options.logLevel });
  const start = async () => {
    const { openAuthServer } = await import('./auth-server-party.js');
    const { readPolicy } = await import('../options/policy.js');
    const policy = readPolicy(options, trustedIssuers, insecureLoopback);
    return await openAuthServer({
      issuer,
      users,
      trustedProxies,
      policy,
      trustedIssuers,
      options,
      log,
    });
  };
  await serveUntilStopped({ host, port, log, ownLines: options.log === 'json', start });
}
