import {
  type HttpMessage,
  type ResolvedKey,
  type SignatureFailure,
  type VerifiedSignature,
  verifyMessage,
  type Wire,
} from '@countersign/httpsig';
import type { Clock } from '../clock.js';
import type { Discovery } from '../discovery/discovery.js';
import { AAuthError } from '../errors.js';
import { authorityOf } from '../identifiers.js';
import type { ReplayStore } from '../replay/replay-store.js';
import type { Caller } from './caller.js';
import { checkNonce, checkReplay, mayBeReplay, type ReplayCheckOptions } from './replay-check.js';
import {
  acceptedSchemes,
  type CallerResolverOptions,
  createCallerResolver,
} from './resolve-caller.js';
import { DEFAULT_WIRES, profileWith, signingProfile } from './signing-profile.js';

interface ResolvedCaller extends ResolvedKey {
  readonly caller: Caller;
}

/** A request whose signature has been verified, and who signed it. */
export interface VerifiedRequest {
  readonly caller: Caller;
  readonly signature: VerifiedSignature<ResolvedKey>;
}

export interface RequestVerifierOptions extends CallerResolverOptions {
  /** Canonical authorities when there are more than the identifier's own. */
  readonly authorities?: readonly [string, ...string[]];
  readonly clock: Clock;
  /** Default `rfc9421` and `2026-02`. `2026-01` can be replayed for ever and must be named. */
  readonly acceptWire?: readonly Wire[];
  /** Seconds that `created` may lie from now; default 60. */
  readonly windowSeconds?: number;
  /** How repeats are refused. Without it they are not: a nonce is then covered, and nothing else. */
  readonly replay?: ReplayCheckOptions;
}

/**
 * Asked once the signature has been verified and before the request is remembered against repeats: what it throws
 * refuses the request, of which then nothing is kept.
 */
export type AdmitCaller = (caller: Caller) => Promise<void> | void;

/** What a receiver has for one request in place of what it has for all: the same stores, asked on somebody's account. */
export interface RequestMeans {
  readonly discovery?: Discovery;
  readonly replay?: ReplayStore;
}

export type RequestVerifier = (
  message: HttpMessage,
  admit?: AdmitCaller,
  means?: RequestMeans,
) => Promise<VerifiedRequest>;

/**
 * Makes the function that verifies signed requests for one receiver. Checks run cheapest first; the network is asked
 * only for a request that is well-formed, fresh and has the right digest, and never about an untrusted auth server.
 *
 * The function throws `AAuthError`: `invalid_signature` (also for anything wrong with a host that the request named),
 * `invalid_token`, `misdirected_request`, `invalid_request`, and `temporarily_unavailable` when a trusted auth server
 * cannot be asked.
 */
export function createRequestVerifier(options: RequestVerifierOptions): RequestVerifier {
  const authorities = options.authorities ?? [authorityOf(options.id)];
  const resolveCaller = createCallerResolver(options);
  const acceptSchemes = acceptedSchemes(options);
  const {
    clock,
    acceptWire = DEFAULT_WIRES,
    verifySignature,
    windowSeconds = signingProfile.windowSeconds,
  } = options;
  const profile = profileWith(options.skewSeconds);
  return async (message, admit, means = {}) => {
    const now = clock();
    const replay = replayWith(options.replay, means);
    const resolved = (caller: Caller): ResolvedCaller => ({ key: caller.key, caller });
    const result = await verifyMessage<ResolvedCaller>(message, {
      profile,
      authorities,
      now,
      acceptWire,
      acceptSchemes,
      verifySignature,
      windowSeconds,
      resolveKey: (signatureKey) => {
        if (replay !== undefined) checkNonce(message.method, nonceOf(message), replay);
        const caller = resolveCaller(signatureKey, now, means.discovery);
        return caller instanceof Promise ? caller.then(resolved) : resolved(caller);
      },
    });
    if (!result.ok) throw signatureRefused(result.failure, acceptSchemes);
    const { signature } = result;
    const { caller } = signature.resolved;
    if (admit !== undefined) await admit(caller);
    if (replay !== undefined && mayBeReplay(message.method, signature, replay)) {
      await checkReplay(message.method, signature, caller, { now, windowSeconds }, replay);
    }
    return { caller, signature };
  };
}

/** How repeats are refused, with the store that is meant for this request. */
export function replayWith(
  options: ReplayCheckOptions | undefined,
  { replay }: RequestMeans,
): ReplayCheckOptions | undefined {
  return options === undefined || replay === undefined ? options : { ...options, replay };
}

export function nonceOf({ headers }: HttpMessage): string | undefined {
  return headers.find(([name]) => name.length === 5 && name.toLowerCase() === 'nonce')?.[1].trim();
}

export function signatureRefused(
  failure: SignatureFailure,
  schemes: readonly string[],
): AAuthError {
  const { rule, message, required } = failure;
  // The parser of Signature-Key names every scheme it can read: here are those that this receiver accepts.
  const accepted = rule === 'scheme_unsupported' ? schemes : (failure.accepted ?? required);
  const code =
    rule === 'authority_mismatch'
      ? 'misdirected_request'
      : rule === 'target_invalid'
        ? 'invalid_request'
        : 'invalid_signature';
  return new AAuthError(code, message, { rule, ...(accepted === undefined ? {} : { accepted }) });
}
