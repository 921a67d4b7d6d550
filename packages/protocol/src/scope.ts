/** Scope names that ask for claims about the person; they never appear in a token's `scope` (PROTOCOL section 3). */
export const IDENTITY_SCOPES: readonly string[] = ['openid', 'profile', 'email'];

const MAX_NAMES = 64;

/** Longer names could not be told apart by the person who is shown them. */
const MAX_NAME_LENGTH = 100;

/**
 * The names in a scope value, in order, each once; `undefined` when the value is empty, has characters outside
 * RFC 6749's scope-token, more than 64 names, a name of more than 100 characters, or other parting than single spaces.
 */
export function parseScope(value: unknown): readonly string[] | undefined {
  if (typeof value !== 'string' || value.length > 2048) return undefined;
  const names = value.split(' ');
  if (
    names.length > MAX_NAMES ||
    !names.every(
      (name) => name.length <= MAX_NAME_LENGTH && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(name),
    )
  ) {
    return undefined;
  }
  return [...new Set(names)];
}

/** True when `held` has every name of `wanted`. */
export function scopeCovers(held: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((name) => held.includes(name));
}
