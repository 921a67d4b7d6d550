import type { ServerIdentifier } from '@countersign/protocol';
import { scopeCovers } from '@countersign/protocol';

/** An auth token that was accepted for one resource, with what is needed to use and renew it. A secret. */
export interface HeldToken {
  /** The one receiver it may be sent to. */
  readonly resource: ServerIdentifier;
  /** The auth server that issued it. */
  readonly authServer: ServerIdentifier;
  readonly token: string;
  /** Unix seconds. */
  readonly expiresAt: number;
  /** Unix seconds from which on it is renewed ahead of its end, while it is still good. */
  readonly renewAt?: number;
  /** What it was issued for, of what was asked for. */
  readonly scope: readonly string[];
  /** The Auth Request Document it was asked for with, when it was. */
  readonly authRequestUrl?: string;
  readonly refreshToken?: string;
  /** Whom and which key it was issued to: useless to any other. */
  readonly agent: ServerIdentifier;
  readonly keyThumbprint: string;
}

/** What a resource asks for: scope names, an Auth Request Document, or both. */
export interface Wanted {
  readonly scope: readonly string[];
  readonly authRequestUrl?: string | undefined;
}

/** Seconds before its end at which a token is no longer used: it has to arrive, and clocks differ. */
export const EXPIRY_MARGIN_SECONDS = 10;

/**
 * When to renew a token ahead of its end: in the last fifth of its life, at most five minutes before. A token that has
 * less than {@link EXPIRY_MARGIN_SECONDS} left then is renewed by whoever needs it next.
 */
export function renewalTime(now: number, expiresAt: number): number {
  return expiresAt - Math.min(300, Math.floor((expiresAt - now) / 5));
}

/** True when the token is still good, and it is time to get the next one. */
export function isDueForRenewal(held: HeldToken, now: number): boolean {
  return held.refreshToken !== undefined && held.renewAt !== undefined && held.renewAt <= now;
}

/** Of tokens that all serve, the one to send: the one that opens least, and of those the first. */
export function narrowest(tokens: readonly HeldToken[]): HeldToken | undefined {
  return tokens.reduce<HeldToken | undefined>(
    (best, one) => (best === undefined || one.scope.length < best.scope.length ? one : best),
    undefined,
  );
}

/** True when the token was issued for at least what is wanted now. */
export function covers(held: Wanted, wanted: Wanted): boolean {
  return held.authRequestUrl === wanted.authRequestUrl && scopeCovers(held.scope, wanted.scope);
}

/** True when the token can be sent now by the holder of that key. */
export function isUsable(
  held: HeldToken,
  own: { readonly agent: string; readonly keyThumbprint: string; readonly now: number },
): boolean {
  return (
    held.agent === own.agent &&
    held.keyThumbprint === own.keyThumbprint &&
    held.expiresAt - EXPIRY_MARGIN_SECONDS > own.now
  );
}
