import {
  type AuthServer,
  createAuthServer,
  type Observer,
  openStorage,
  type Policy,
  type Storage,
  StorageError,
} from '@countersign/auth-server';
import type { ServeAuthServerOptions } from '../commands/serve-auth-server.js';
import { clientAddress, type TrustedProxies } from '../http/client-address.js';
import type { NodeHandler } from '../http/listen.js';
import { acceptedWires } from '../options/accepted-wires.js';
import { naming, shown, storageReason } from '../options/database.js';
import type { Log } from '../observability/log.js';
import { readForwarded } from '../observability/trusted-request.js';
import type { DevelopmentUser } from '../options/development-users.js';
import { note } from '../terminal.js';
import { traceServer } from '../trace/server-trace.js';
import { addDevelopmentUsers } from './development-users.js';
import type { Party } from './serve-until-stopped.js';
import { watchAuthServer } from './watch-auth-server.js';

const SWEEP_MILLISECONDS = 60_000;

/** The settings of an auth server that have been checked, and the rest. */
export interface AuthServerSettings {
  readonly issuer: string;
  readonly users: readonly DevelopmentUser[];
  readonly trustedProxies: TrustedProxies;
  readonly policy: Policy;
  readonly trustedIssuers: readonly string[];
  readonly options: ServeAuthServerOptions;
  readonly log: Log;
}

/** Opens the database and makes the auth server on it. */
export async function openAuthServer(settings: AuthServerSettings): Promise<Party> {
  const { issuer, trustedProxies, options, log } = settings;
  const { database } = options;
  const watching = watchAuthServer(log, options);
  const storage = await naming(
    database,
    openStorage(database, {
      migrations: options.migrate === false ? 'require' : 'apply',
      onEvent: watching.onEvent,
    }),
  );
  try {
    const observer = await watching.open(storage);
    const authServer = await naming(database, create(storage, observer, settings));
    const plain: NodeHandler = (request, incoming) =>
      authServer.handle(request, {
        incoming,
        remoteAddress: clientAddress(incoming, trustedProxies),
        ...readForwarded(incoming, trustedProxies),
      });
    const stopSweeping = sweepRegularly(authServer);
    return {
      title: `Auth server ${issuer}`,
      handler: options.trace ? traced(plain) : plain,
      stop: async () => {
        stopSweeping();
        await storage.close();
        await watching.close();
      },
    };
  } catch (error) {
    await watching.close();
    await storage.close();
    throw error;
  }
}

async function create(
  storage: Storage,
  observer: Observer,
  { issuer, users, policy, trustedIssuers, options, log }: AuthServerSettings,
): Promise<AuthServer> {
  const authServer = await createAuthServer({
    issuer,
    storage,
    policy,
    trustedIssuers,
    acceptWire: acceptedWires(options.acceptWire),
    insecureLoopback: options.insecureLoopback ?? false,
    sameOriginRedirects: options.sameOriginRedirects ?? false,
    observer,
    onRefused: (error) => {
      log.refused(error);
    },
  });
  if (options.trace) note('WARNING: --trace writes tokens and codes to standard error.');
  if (options.consent === 'never') {
    note('WARNING: --consent never grants every agent whatever it asks for.');
  }
  if (users.length > 0) {
    note('WARNING: --user is for development: everybody on this machine can see the password.');
    await addDevelopmentUsers(storage, users);
  }
  if ((await storage.users.list()).length === 0) {
    note(
      `Nobody can sign in yet: countersign user add NAME --database ${shown(options.database)} makes an account.`,
    );
  }
  return authServer;
}

function sweepRegularly(authServer: AuthServer): () => void {
  const sweeping = setInterval(() => {
    authServer.sweep().catch((error: unknown) => {
      const why = error instanceof StorageError ? storageReason(error) : String(error);
      note(`Sweeping expired rows failed: ${why}`);
    });
  }, SWEEP_MILLISECONDS);
  return () => {
    clearInterval(sweeping);
  };
}

function traced(handler: NodeHandler): NodeHandler {
  return traceServer(handler, {
    party: 'AUTH SERVER',
    paths: (path) => path === '/agent/token',
    write: (text) => process.stderr.write(text),
  });
}
