import type { SignatureVerifier } from '@countersign/httpsig';
import {
  AAuthError,
  authorityOf,
  type Clock,
  createDiscovery,
  createExchangeVerifier,
  createRequestVerifier,
  type Discovery,
  type ExchangeVerifier,
  parseServerIdentifier,
  type Random,
  secretSource,
  refusalReporter,
  requestIds,
  type RequestVerifier,
  type ServerIdentifier,
  systemClock,
  systemRandom,
} from '@countersign/protocol';
import { readLifetimes } from './lifetimes.js';
import type { AuthServerOptions, Lifetimes } from './options.js';
import type { Policy } from './policy.js';
import { readMaxActors, readTrustedIssuers } from './exchange-settings.js';
import { type Emit, emitRefusal, emitter } from './observability/emitter.js';
import type { RequestWatch } from './observability/observe-requests.js';
import type { RequestScope } from './observability/request-scope.js';
import { noteTokenLife } from './keys/keep-time.js';
import { createKeyVault } from './keys/key-vault.js';
import { openServerKeys, type ServerKeys } from './keys/server-keys.js';
import { hostAdmission } from './limits/host-admission.js';
import { readLimits } from './limits/limit-settings.js';
import { createServerLimits, type ServerLimits } from './limits/server-limits.js';
import { type RequestContext, requestContexts } from './request-context.js';
import type { Storage } from './storage/index.js';

/** What every endpoint works with. Holds nothing that another process on the same database would need. */
export interface ServerContext {
  readonly issuer: ServerIdentifier;
  readonly authority: string;
  readonly insecureLoopback: boolean;
  readonly sameOriginRedirects: boolean;
  readonly maxPendingPerAgent: number;
  readonly limits: ServerLimits;
  readonly lifetimes: Lifetimes;
  readonly storage: Storage;
  readonly policy: Policy;
  readonly keys: ServerKeys;
  readonly discovery: Discovery;
  /** Absent for the platform's own. */
  readonly verifySignature: SignatureVerifier | undefined;
  readonly verifyRequest: RequestVerifier;
  readonly verifyExchange: ExchangeVerifier;
  /** The longest chain of actors that a token may have. */
  readonly maxActors: number;
  readonly clock: Clock;
  readonly secret: (bits: number) => string;
  readonly report: (error: AAuthError) => void;
  /** Tells whoever watches; absent when nobody does, so that no event is made. */
  readonly emit: Emit | undefined;
  readonly watch: RequestWatch;
}

/** Checks the options, binds the database to the issuer and loads or makes the signing key. */
export async function createContext(options: AuthServerOptions): Promise<{
  readonly context: ServerContext;
  readonly contextOf: (scope: RequestScope) => RequestContext;
}> {
  const { storage, insecureLoopback = false, clock = systemClock } = options;
  const random: Random = options.random ?? systemRandom;
  const issuer = parseServerIdentifier(options.issuer, 'The issuer', { insecureLoopback });
  const { policyVersion } = options;
  if (policyVersion !== undefined && !/^[\x20-\x7e]{1,200}$/.test(policyVersion)) {
    throw new AAuthError(
      'configuration_invalid',
      'policyVersion must have 1 to 200 printable characters.',
    );
  }
  await storage.settings.bindIssuer(issuer, clock());
  const { observer, onRefused } = options;
  const emit =
    observer &&
    emitter((event) => {
      observer.onEvent(event);
    });
  const newRequestId = requestIds(random);
  const trustedIssuers = readTrustedIssuers(options.trustedIssuers ?? [], issuer, insecureLoopback);
  const limits = createServerLimits(
    readLimits(options.limits, options.withoutLimits),
    storage,
    clock,
  );
  const discovery = options.discovery ?? createDiscovery({ clock, insecureLoopback });
  const reporterOf = (scope?: RequestScope): ServerContext['report'] =>
    refusalReporter(
      emit === undefined
        ? onRefused
        : (error) => {
            emitRefusal((event) => {
              emit(event, scope);
            }, error);
            onRefused?.(error);
          },
      random,
      () => scope?.requestId ?? newRequestId(),
    );
  const report = reporterOf();
  const lifetimes = readLifetimes(options.lifetimes);
  const vault = await createKeyVault({ ...options, issuer });
  if (options.keyEncryptionKey !== undefined) {
    const kids = await vault.encryptStored(storage.signingKeys, clock());
    if (kids.length > 0) emit?.({ type: 'keys-encrypted', kids });
  }
  await noteTokenLife(storage.settings, lifetimes.authToken);
  const keys = await openServerKeys({
    storage,
    vault,
    clock,
    onTrouble: (cause) => {
      report(
        new AAuthError('temporarily_unavailable', 'The signing keys could not be read again.', {
          rule: 'signing_keys_unread',
          cause,
        }),
      );
    },
    first: { kid: options.signingKeyId, algorithm: options.signingAlgorithm },
  });
  const receiver = {
    id: issuer,
    discovery,
    clock,
    insecureLoopback,
    replay: { replay: storage.replay, requireNonce: options.requireNonce ?? false },
    ...(options.verifySignature === undefined ? {} : { verifySignature: options.verifySignature }),
    ...(options.acceptWire === undefined ? {} : { acceptWire: options.acceptWire }),
    ...(options.windowSeconds === undefined ? {} : { windowSeconds: options.windowSeconds }),
    ...(options.skewSeconds === undefined ? {} : { skewSeconds: options.skewSeconds }),
  };
  const context: ServerContext = {
    issuer,
    authority: authorityOf(issuer),
    insecureLoopback,
    sameOriginRedirects: options.sameOriginRedirects ?? false,
    maxPendingPerAgent: options.maxPendingPerAgent ?? 1000,
    lifetimes,
    limits,
    storage,
    policy: options.policy,
    keys,
    discovery,
    verifySignature: options.verifySignature,
    verifyRequest: createRequestVerifier({
      ...receiver,
      ...(options.x509Roots === undefined ? {} : { x509Roots: options.x509Roots }),
    }),
    verifyExchange: createExchangeVerifier({
      ...receiver,
      ownKey: keys.own,
      trustedIssuers,
    }),
    maxActors: readMaxActors(options.maxActors),
    clock,
    secret: secretSource(random),
    report,
    emit,
    watch: { observer, emit, newRequestId },
  };

  const trusted = new Set<string>(trustedIssuers);
  const contextOf = requestContexts({
    context,
    emit,
    reporterOf,
    admitHost:
      options.discovery === undefined
        ? (scope) => hostAdmission(limits, storage, trusted, scope)
        : undefined,
  });
  // Last, since until here the server may still not start.
  if (policyVersion !== undefined) await storage.settings.notePolicy(policyVersion, clock());
  return { context, contextOf };
}
