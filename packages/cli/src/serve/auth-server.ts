import {
  alwaysAskPerson,
  type AuthServer,
  createAuthServer,
  neverAskPerson,
  openStorage,
  type Storage,
} from '@countersign/auth-server';
import type { ServeAuthServerOptions } from '../commands/serve-auth-server.js';
import { clientAddress, readTrustedProxies } from '../http/client-address.js';
import type { NodeHandler } from '../http/listen.js';
import { acceptedWires } from '../options/accepted-wires.js';
import { naming } from '../options/database.js';
import { readAddress } from '../options/identifier.js';
import { note } from '../terminal.js';
import { traceServer } from '../trace/server-trace.js';
import {
  addDevelopmentUsers,
  type DevelopmentUser,
  readDevelopmentUsers,
} from './development-users.js';
import { noteRefusal } from './refusal-line.js';
import { type Party, serveUntilStopped } from './serve-until-stopped.js';

const SWEEP_MILLISECONDS = 60_000;

/** `countersign serve auth-server`. */
export async function serveAuthServer(options: ServeAuthServerOptions): Promise<void> {
  const { host, database, insecureLoopback = false } = options;
  const given = { id: options.issuer, port: options.port };
  const { id: issuer, port } = readAddress('--issuer', given, 8003, insecureLoopback);
  const trusted = readTrustedProxies(options.trustedProxy ?? []);
  const users = readDevelopmentUsers(options.user ?? []);
  const start = async (): Promise<Party> => {
    const storage = await naming(database, openStorage(database));
    try {
      const authServer = await naming(database, open(storage, issuer, options, users));
      const plain: NodeHandler = (request, incoming) =>
        authServer.handle(request, { incoming, remoteAddress: clientAddress(incoming, trusted) });
      const stopSweeping = sweepRegularly(authServer);
      return {
        title: `Auth server ${issuer}`,
        handler: options.trace ? traced(plain) : plain,
        stop: async () => {
          stopSweeping();
          await storage.close();
        },
      };
    } catch (error) {
      await storage.close();
      throw error;
    }
  };
  await serveUntilStopped({ host, port, start });
}

async function open(
  storage: Storage,
  issuer: string,
  options: ServeAuthServerOptions,
  users: readonly DevelopmentUser[],
): Promise<AuthServer> {
  const authServer = await createAuthServer({
    issuer,
    storage,
    policy: options.consent === 'never' ? neverAskPerson : alwaysAskPerson,
    acceptWire: acceptedWires(options.acceptWire),
    insecureLoopback: options.insecureLoopback ?? false,
    sameOriginRedirects: options.sameOriginRedirects ?? false,
    onRefused: noteRefusal,
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
      `Nobody can sign in yet: countersign user add NAME --database ${options.database} makes an account.`,
    );
  }
  return authServer;
}

function sweepRegularly(authServer: AuthServer): () => void {
  const sweeping = setInterval(() => {
    authServer.sweep().catch((error: unknown) => {
      const why = error instanceof Error ? error.message : 'unknown error';
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
