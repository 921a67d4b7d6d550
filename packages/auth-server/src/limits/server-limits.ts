import { AAuthError, type Clock, SegmentedCache } from '@countersign/protocol';
import { SIGN_IN_LIMITS } from '../accounts/index.js';
import type { AttemptLimits, Storage } from '../storage/index.js';
import type { Limits } from './limit-settings.js';
import { SharedLimit } from './shared-limit.js';

const MINUTE = 60;
/** Who has proved themselves where they are now: bounded, since both are chosen by whoever calls. */
const MAX_RECOGNISED = 50_000;
/** For those who have, since an attacker may sit behind the same address and know what they send. */
const RECOGNISED_FACTOR = 10;

/** The limits of one server, and who is known to it. */
export interface ServerLimits {
  readonly agentRequests: SharedLimit;
  readonly agentQuestions: SharedLimit;
  readonly unprovenRequests: SharedLimit;
  readonly recognisedRequests: SharedLimit;
  readonly addressHosts: SharedLimit;
  readonly agentHosts: SharedLimit;
  readonly strangerHosts: SharedLimit;
  readonly pageRequests: SharedLimit;
  readonly signedInPageRequests: SharedLimit;
  readonly denials: number;
  readonly signIn: AttemptLimits;
  /** The agent that a Signature-Key from an address has proved to be. */
  readonly recognisedAgents: SegmentedCache<string>;
  /** Cookies of people who are signed in, by address. */
  readonly recognisedBrowsers: SegmentedCache<true>;
  readonly clock: Clock;
}

export function createServerLimits(
  limits: Limits,
  { limits: store }: Pick<Storage, 'limits'>,
  clock: Clock,
): ServerLimits {
  const perMinute = (name: string, limit: number): SharedLimit =>
    new SharedLimit({ name, limit, windowSeconds: MINUTE, store });
  const room = { maxEntries: MAX_RECOGNISED, maxCacheBytes: Number.MAX_SAFE_INTEGER };
  return {
    agentRequests: perMinute('agent-requests', limits.agentRequests),
    agentQuestions: perMinute('agent-questions', limits.agentQuestions),
    unprovenRequests: perMinute('unproven-requests', limits.unprovenRequests),
    recognisedRequests: perMinute(
      'recognised-requests',
      limits.unprovenRequests * RECOGNISED_FACTOR,
    ),
    addressHosts: perMinute('address-hosts', limits.addressHosts),
    agentHosts: perMinute('agent-hosts', limits.agentHosts),
    strangerHosts: perMinute('stranger-hosts', limits.strangerHosts),
    pageRequests: perMinute('page-requests', limits.pageRequests),
    signedInPageRequests: perMinute(
      'signed-in-page-requests',
      limits.pageRequests * RECOGNISED_FACTOR,
    ),
    denials: limits.denials,
    signIn: {
      ...SIGN_IN_LIMITS,
      perAccountAndAddress: limits.signInFailures,
      perAddress: limits.addressSignInFailures,
      perAccount: limits.accountSignInFailures,
    },
    recognisedAgents: new SegmentedCache<string>(room),
    recognisedBrowsers: new SegmentedCache<true>(room),
    clock,
  };
}

/** The refusal by a limit: 429 with `Retry-After` (PROTOCOL section 7). `rule` says which. */
export function limited(rule: string, retryAfterSeconds: number, message: string): AAuthError {
  return new AAuthError('too_many_requests', message, { rule, retryAfterSeconds });
}
