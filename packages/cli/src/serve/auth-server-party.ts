import {
  type AuthServer,
  type Connection,
  createAuthServer,
  type Lifetimes,
  type Limits,
  type Observer,
  openStorage,
  type Storage,
} from '@countersign/auth-server';
import type { IncomingMessage } from 'node:http';
import { clientAddress } from '../http/client-address.js';
import type { FetchHandler } from '../http/fetch-listener.js';
import type { Listener } from '../http/listen.js';
import { textListener } from '../http/text-listener.js';
import { wiresFor } from '../options/accepted-wires.js';
import { naming } from '../options/database.js';
import type { Log } from '../observability/log.js';
import { readForwarded } from '../observability/trusted-request.js';
import type { AuthServerValues } from '../settings/auth-server-settings.js';
import type { AuthServerConfiguration } from '../settings/read-auth-server-settings.js';
import { shownUrl } from '../settings/shown-url.js';
import { note } from '../terminal.js';
import { addDevelopmentUsers } from './development-users.js';
import { fastVerifier } from './fast-verifier.js';
import type { Party } from './serve-until-stopped.js';
import { sweepRegularly } from './sweep-regularly.js';
import { watchAuthServer } from './watch-auth-server.js';

const SEAL_MILLISECONDS = 1_000;

/** Opens the database and makes the auth server on it. */
export async function openAuthServer(
  configuration: AuthServerConfiguration,
  log: Log,
): Promise<Party> {
  const { issuer, trustedProxies, values } = configuration;
  const { database } = values;
  const watching = watchAuthServer(log, values);
  const storage = await naming(
    database,
    openStorage(database, {
      migrations: values.migrate ? 'apply' : 'require',
      onEvent: watching.onEvent,
    }),
  );
  try {
    const observer = await watching.open(storage);
    const authServer = await naming(database, create(storage, observer, configuration, log));
    const connectionOf = (incoming: IncomingMessage): Connection => ({
      incoming,
      remoteAddress: clientAddress(incoming, trustedProxies),
      ...readForwarded(incoming, trustedProxies),
    });
    const stopSweeping = sweepRegularly(authServer, note);
    const stopSealing = sealRegularly(authServer);
    return {
      title: `Auth server ${issuer}`,
      listener: values.trace
        ? await traced((request, incoming) => authServer.handle(request, connectionOf(incoming)))
        : textListener((request, incoming) => authServer.answer(request, connectionOf(incoming))),
      drain: () => {
        watching.drain();
      },
      stop: async () => {
        stopSweeping();
        await stopSealing();
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
  {
    issuer,
    users,
    policy,
    policyVersion,
    trustedIssuers,
    x509Roots,
    values,
  }: AuthServerConfiguration,
  log: Log,
): Promise<AuthServer> {
  const { requireNonce, maxPendingPerAgent, maxActors, windowSeconds, skewSeconds } = values;
  const { keyEncryptionKey } = values;
  const authServer = await createAuthServer({
    issuer,
    storage,
    policy,
    policyVersion,
    trustedIssuers,
    acceptWire: wiresFor(values.acceptWire),
    insecureLoopback: values.insecureLoopback,
    sameOriginRedirects: values.sameOriginRedirects,
    requireNonce,
    signingAlgorithm: values.signingAlgorithm,
    ...(keyEncryptionKey === undefined ? {} : { keyEncryptionKey }),
    previousKeyEncryptionKeys: values.previousKeyEncryptionKey ?? [],
    verifySignature: fastVerifier(),
    ...(x509Roots === undefined ? {} : { x509Roots }),
    maxPendingPerAgent,
    maxActors,
    windowSeconds,
    skewSeconds,
    limits: limitsOf(values),
    ...(values.withoutLimits === undefined ? {} : { withoutLimits: values.withoutLimits }),
    lifetimes: lifetimesOf(values),
    observer,
    onRefused: (error) => {
      log.refused(error);
    },
  });
  if (users.length > 0) await addDevelopmentUsers(storage, users);
  if ((await storage.users.list()).length === 0) {
    note(
      `Nobody can sign in yet: countersign user add NAME --database ${shownUrl(values.database)} makes an account.`,
    );
  }
  return authServer;
}

function limitsOf(values: AuthServerValues): Limits {
  return {
    agentRequests: values.limitAgentRequests,
    agentQuestions: values.limitAgentQuestions,
    denials: values.limitDenials,
    unprovenRequests: values.limitUnprovenRequests,
    addressHosts: values.limitAddressHosts,
    agentHosts: values.limitAgentHosts,
    strangerHosts: values.limitStrangerHosts,
    pageRequests: values.limitPageRequests,
    signInFailures: values.limitSignInFailures,
    addressSignInFailures: values.limitAddressSignInFailures,
    accountSignInFailures: values.limitAccountSignInFailures,
  };
}

function lifetimesOf(values: AuthServerValues): Lifetimes {
  return {
    authToken: values.authTokenSeconds,
    requestToken: values.requestTokenSeconds,
    code: values.codeSeconds,
    session: values.sessionSeconds,
    refreshIdle: values.refreshIdleSeconds,
    refreshAbsolute: values.refreshAbsoluteSeconds,
  };
}

/**
 * Returns what stops it, having chained the last acts unless the database was away. A failure is told by the storage's own
 * events.
 */
function sealRegularly(authServer: AuthServer): () => Promise<void> {
  let sealing: Promise<void> | undefined;
  let succeeded = true;
  const seal = async (): Promise<void> => {
    try {
      await authServer.seal();
      succeeded = true;
    } catch {
      succeeded = false;
    }
    sealing = undefined;
  };
  const timer = setInterval(() => {
    sealing ??= seal();
  }, SEAL_MILLISECONDS);
  return async () => {
    clearInterval(timer);
    await sealing;
    if (succeeded) await seal();
  };
}

/** Loaded when it is asked for, with all of Fetch. */
async function traced(handler: FetchHandler): Promise<Listener> {
  const { fetchListener } = await import('../http/fetch-listener.js');
  const { traceServer } = await import('../trace/server-trace.js');
  return fetchListener(
    traceServer(handler, {
      party: 'AUTH SERVER',
      paths: (path) => path === '/agent/token',
      write: (text) => process.stderr.write(text),
    }),
  );
}
