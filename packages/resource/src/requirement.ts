import { AAuthError } from '@countersign/protocol';

/** What a route asks of its callers, weakest first; a stronger proof always opens what a weaker one opens. */
export type Requirement =
  /** Any valid signature: the same key over time. */
  | { readonly level: 'signature' }
  /** A verifiable agent. */
  | { readonly level: 'identity' }
  /** An auth token that covers every one of these scopes. */
  | { readonly level: 'authorization'; readonly scopes: readonly string[] };

/** A requirement as a route writes it: a level, or the scopes it asks for. */
export type RouteRequirement = 'signature' | 'identity' | { readonly scopes: readonly string[] };

/** Checks a route's requirement when the route is made, so that a misspelled scope fails at start and not at a caller. */
export function readRequirement(
  requirement: RouteRequirement,
  known: Readonly<Record<string, string>>,
): Requirement {
  if (requirement === 'signature' || requirement === 'identity') return { level: requirement };
  const { scopes } = requirement;
  const unknown = scopes.filter((scope) => !Object.hasOwn(known, scope));
  if (scopes.length === 0 || unknown.length > 0) {
    throw new AAuthError(
      'configuration_invalid',
      scopes.length === 0
        ? 'A route that asks for authorization must name at least one scope.'
        : `A route asks for scopes that the resource does not describe: ${unknown.join(', ')}.`,
    );
  }
  return { level: 'authorization', scopes };
}
