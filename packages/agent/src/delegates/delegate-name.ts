import { AAuthError } from '@countersign/protocol';

/** What a `sub` of a delegate may look like: people see it on consent pages, and logs hold it. */
export function isDelegateName(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,255}$/.test(value);
}

/** Returns the name. Throws `configuration_invalid` when it cannot be one. */
export function checkDelegateName(value: string): string {
  if (isDelegateName(value)) return value;
  throw new AAuthError(
    'configuration_invalid',
    'The name of a delegate is 1 to 255 visible ASCII characters without spaces, such as laptop or worker-7.',
  );
}
