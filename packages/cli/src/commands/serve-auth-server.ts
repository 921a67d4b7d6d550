import type { Wire } from '@countersign/httpsig';
import { systemClock, randomSecret, systemRandom } from '@countersign/protocol';
import {
  alwaysAskPerson,
  createAccount,
  createAuthServer,
  neverAskPerson,
  openStorage,
  type Storage,
} from '@countersign/auth-server';
import { type Command, Option } from 'commander';
import { UsageError } from '../command-error.js';
import { clientAddress, readTrustedProxies } from '../http/client-address.js';
import { serverLine } from '../http/access-line.js';
import { listen, type NodeHandler } from '../http/listen.js';
import { runUntilStopped } from '../http/run-until-stopped.js';
import { refusalLine } from '../refusal-line.js';
import { note } from '../terminal.js';
import { traceServer } from '../trace/server-trace.js';
import { collect, readPort, withEnvironment } from './option-environment.js';
import { acceptedWires, acceptWireOption } from './serve-resource.js';

interface Options {
  readonly issuer: string;
  readonly port: number;
  readonly host: string;
  readonly database: string;
  readonly consent: 'always' | 'never';
  readonly user?: readonly string[];
  readonly acceptWire?: readonly Wire[];
  readonly insecureLoopback?: boolean;
  readonly sameOriginRedirects?: boolean;
  readonly trustedProxy?: readonly string[];
  readonly trace?: boolean;
}

const SWEEP_MILLISECONDS = 60_000;

/** Makes people given as NAME:PASSWORD. Their `sub` is their user name, as in the captured run. */
export async function addDevelopmentUsers(
  storage: Storage,
  users: readonly string[],
): Promise<void> {
  for (const user of users) {
    const colon = user.indexOf(':');
    if (colon < 1) throw new UsageError('--user takes NAME:PASSWORD.');
    const username = user.slice(0, colon);
    const result = await createAccount(storage, {
      id: randomSecret(systemRandom, 128),
      subject: username,
      username,
      password: user.slice(colon + 1),
      now: systemClock(),
      development: true,
    });
    if (result.outcome === 'refused' && result.reason !== 'username-taken') {
      throw new UsageError(`--user ${username}: ${result.reason.replaceAll('-', ' ')}.`);
    }
  }
}

export function addServeAuthServer(serve: Command): void {
  const command = serve
    .command('auth-server')
    .description('sign-in, consent, grants and tokens')
    .option('--issuer <url>', 'server identifier', 'http://127.0.0.1:8003')
    .option('--port <n>', 'port to listen on', readPort, 8003)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--database <url>', 'sqlite:FILE', 'sqlite:./countersign.db')
    .addOption(
      new Option('--consent <when>', 'ask a person always, or never (grant to whoever asks)')
        .choices(['always', 'never'])
        .default('always'),
    )
    .option('--user <name:password>', 'make this account (repeatable; development only)', collect)
    .addOption(acceptWireOption())
    .option('--insecure-loopback', 'accept plain http identifiers on loopback (development)')
    .option(
      '--same-origin-redirects',
      'let an agent that publishes no redirect_uris use its own origin',
    )
    .option(
      '--trusted-proxy <cidr>',
      'believe X-Forwarded-For from this network (repeatable)',
      collect,
    )
    .option('--trace', 'write every token request and answer to standard error, tokens included')
    .action(async (options: Options) => {
      const trusted = readTrustedProxies(options.trustedProxy ?? []);
      const storage = await openStorage(options.database);
      try {
        await serveOn(storage, options, trusted);
      } finally {
        await storage.close();
      }
    });
  withEnvironment(command);
}

async function serveOn(
  storage: Storage,
  options: Options,
  trusted: ReturnType<typeof readTrustedProxies>,
): Promise<void> {
  const authServer = await createAuthServer({
    issuer: options.issuer,
    storage,
    policy: options.consent === 'never' ? neverAskPerson : alwaysAskPerson,
    acceptWire: acceptedWires(options.acceptWire),
    insecureLoopback: options.insecureLoopback ?? false,
    sameOriginRedirects: options.sameOriginRedirects ?? false,
    onRefused: (error) => {
      note(refusalLine(error));
    },
  });
  if (options.consent === 'never')
    note('WARNING: --consent never grants every agent whatever it asks for.');
  if (options.user !== undefined) {
    note(
      'WARNING: --user is for development: the password is visible to everybody on this machine.',
    );
    await addDevelopmentUsers(
      storage,
      options.user.flatMap((one) => one.split('\n')),
    );
  }
  if ((await storage.users.list()).length === 0) {
    note('Nobody can sign in yet: add a person with `countersign user add`.');
  }
  const plain: NodeHandler = (request, incoming) =>
    authServer.handle(request, { incoming, remoteAddress: clientAddress(incoming, trusted) });
  if (options.trace) note('WARNING: --trace writes tokens and codes to standard error.');
  const handler = options.trace
    ? traceServer(plain, {
        party: 'AUTH SERVER',
        paths: (path) => path === '/agent/token',
        write: (text) => process.stderr.write(text),
      })
    : plain;
  const { host } = options;
  const server = await listen(handler, {
    host,
    port: options.port,
    onAnswer: (line) => {
      note(serverLine(line));
    },
  });
  const sweeping = setInterval(() => {
    authServer.sweep().catch((error: unknown) => {
      note(
        `Sweeping expired rows failed: ${error instanceof Error ? error.message : 'unknown error'}`,
      );
    });
  }, SWEEP_MILLISECONDS);
  note(`Auth server ${authServer.issuer} is listening on http://${host}:${server.port}`);
  await runUntilStopped(async () => {
    clearInterval(sweeping);
    await server.close();
  });
}
