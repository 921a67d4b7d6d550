import { UsageError } from '../command-error.js';

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  'data.read': 'Read your data',
  'data.write': 'Change your data',
};

/** Scope names with a sentence each: the demonstration's own, or the name itself. */
export function describeScopes(scope: string): Record<string, string> {
  const names = scope.split(/\s+/).filter((name) => name !== '');
  if (names.length === 0) {
    throw new UsageError(`--scope is "${scope}": it needs at least one name, such as data.read.`);
  }
  return Object.fromEntries(names.map((name) => [name, DESCRIPTIONS[name] ?? name]));
}
