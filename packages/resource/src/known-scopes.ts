import { AAuthError } from '@countersign/protocol';

/** Throws `configuration_invalid` for no scope, or one that the resource does not describe. */
export function checkScopes(
  scopes: readonly string[],
  known: Readonly<Record<string, string>>,
): void {
  const unknown = scopes.filter((scope) => !Object.hasOwn(known, scope));
  if (scopes.length === 0 || unknown.length > 0) {
    throw new AAuthError(
      'configuration_invalid',
      scopes.length === 0
        ? 'A route that asks for authorization must name at least one scope.'
        : `A route asks for scopes that the resource does not describe: ${unknown.join(', ')}.`,
    );
  }
}
