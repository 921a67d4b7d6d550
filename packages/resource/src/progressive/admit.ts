import { type HttpMessage, isSigned } from '@countersign/httpsig';
import {
  AAuthError,
  type Caller,
  type Challenge,
  type Clock,
  type ServerIdentifier,
} from '@countersign/protocol';
import type { OpenAccess } from '../access.js';
import type { AgentFilter } from '../agent-list.js';
import type { TokenRequest } from '../decide.js';
import type { Outcome } from '../outcome.js';
import type { RateLimitStore, RateLimitVerdict } from '../rate-limits/rate-limit-store.js';
import { type Connection, countersOf } from './counters.js';
import type { ProgressiveRule } from './levels.js';
import { type Ask, openingAsk, weigh, type Weighing } from './weigh.js';

/** What of the resource is needed to carry out a weighing. */
export interface AdmissionParts {
  readonly id: ServerIdentifier;
  readonly clock: Clock;
  readonly rateLimits: RateLimitStore | undefined;
  /** Verifies a signed message and holds its signer against the lists. Throws for one that is refused. */
  readonly identify: (
    message: HttpMessage,
    agents: AgentFilter | undefined,
    request: Request | undefined,
  ) => Promise<Caller>;
  readonly mint: (
    request: TokenRequest,
  ) => Promise<{ token: string; authServer: ServerIdentifier }>;
  /** What becomes of a request whose verification threw. */
  readonly refused: (error: unknown, opening: Challenge) => Exclude<Outcome, { type: 'access' }>;
  readonly report: (error: AAuthError) => void;
}

/** Judges a message at a progressive route. `request`, when given, is remembered with who signed it. */
export type Admit = (
  message: HttpMessage,
  rule: ProgressiveRule,
  connection: Connection,
  request?: Request,
) => Promise<Outcome<OpenAccess>>;

/**
 * Makes the function that admits callers level by level. In order: the signature, if there is one (what is badly signed
 * is refused, never taken for unsigned); the lists of agents; the levels; and only then is something counted, so that
 * nobody spends the limit of another.
 */
export function createAdmission(parts: AdmissionParts): Admit {
  const { id, clock, rateLimits, identify, mint, refused, report } = parts;
  return async (message, rule, connection, request) => {
    try {
      const caller = isSigned(message) ? await identify(message, rule.agents, request) : undefined;
      const weighing = weigh(caller, rule);
      if (weighing.kind === 'refusal') return refusedWith(weighing.error);
      if (weighing.kind === 'challenge') return await challengedWith(weighing.ask, weighing.error);
      const counters = await countersOf(weighing, rule, id, connection);
      if (rateLimits === undefined) throw new TypeError('the rule was read without a store');
      const verdict = await rateLimits.take(counters, clock()).catch(unreachable);
      if (verdict.taken) return { type: 'access', access: weighing.access };
      const error = overLimit(weighing, verdict);
      const { higher } = weighing;
      return higher === undefined ? refusedWith(error) : await challengedWith(higher, error);
    } catch (error) {
      return refused(error, { kind: openingAsk(rule) });
    }
  };

  function refusedWith(error: AAuthError): Outcome<OpenAccess> {
    report(error);
    return { type: 'refusal', error };
  }

  async function challengedWith(
    ask: Ask,
    error: AAuthError | undefined,
  ): Promise<Outcome<OpenAccess>> {
    if (error !== undefined) report(error);
    const why = error === undefined ? {} : { error };
    if (typeof ask === 'string') return { type: 'challenge', challenge: { kind: ask }, ...why };
    const { token: resourceToken, authServer } = await mint(ask);
    const challenge = { kind: 'auth-token', resourceToken, authServer } as const;
    return { type: 'challenge', challenge, ...why };
  }
}

/** The store is one of the resource's own parts: that it fails says nothing about the request (PROTOCOL section 7). */
function unreachable(cause: unknown): never {
  throw new AAuthError(
    'temporarily_unavailable',
    'The request cannot be counted now; try again shortly.',
    { rule: 'rate_limit_store_unreachable', cause, retryAfterSeconds: 10 },
  );
}

function overLimit(
  { level, higher }: Extract<Weighing, { kind: 'counted' }>,
  { retryAfterSeconds }: Extract<RateLimitVerdict, { taken: false }>,
): AAuthError {
  return new AAuthError(
    'too_many_requests',
    higher === undefined
      ? 'Too many requests; try again later.'
      : 'Too many requests; try again later, or prove more for a higher limit.',
    { rule: `limit_${level}`, retryAfterSeconds },
  );
}
