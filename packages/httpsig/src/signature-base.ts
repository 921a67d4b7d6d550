import { SignatureError } from './failure.js';
import type { HeaderIndex } from './message.js';
import type { Wire } from './profile.js';

/** Where component values come from: the request as sent and the authority it is for. */
export interface ComponentSource {
  readonly method: string;
  readonly authority: string;
  readonly target: string;
  readonly headers: HeaderIndex;
}

type Derive = (source: ComponentSource, wire: Wire) => string | undefined;

function splitTarget(target: string): [path: string, query: string | undefined] {
  const mark = target.indexOf('?');
  return mark < 0 ? [target, undefined] : [target.slice(0, mark), target.slice(mark)];
}

/** Derived components (RFC 9421 section 2.2) that the profile knows. */
const derived: Partial<Record<string, Derive>> = Object.assign(Object.create(null) as object, {
  '@method': ({ method }: ComponentSource) => method,
  '@authority': ({ authority }: ComponentSource) => authority,
  '@path': ({ target }: ComponentSource) => splitTarget(target)[0] || '/',
  '@query': ({ target }: ComponentSource, wire: Wire) => {
    const query = splitTarget(target)[1];
    return wire === '2026-01' ? query?.slice(1) : query;
  },
} satisfies Record<string, Derive>);

/** A component identifier that this package can cover: a known derived component or a lower-case field name. */
export function isComponentName(name: string): boolean {
  if (name.startsWith('@')) return derived[name] !== undefined;
  return /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name);
}

// Tab, space and visible ASCII: the characters a signature base may carry (RFC 9421 section 2.5).
const PRINTABLE = /^[\t\x20-\x7e]*$/;

function componentValue(name: string, source: ComponentSource, wire: Wire): string {
  const derive = derived[name];
  const value = derive === undefined ? source.headers.get(name) : derive(source, wire);
  if (value === undefined) {
    throw new SignatureError(
      'component_unexpected',
      `The signature covers "${name}", which this request does not have.`,
    );
  }
  // Signature-Key, by far the longest value, has a grammar of printable ASCII only and has been read by it.
  if (name !== 'signature-key' && !PRINTABLE.test(value)) {
    throw new SignatureError(
      'component_invalid',
      `The value of "${name}" has characters that cannot be signed.`,
    );
  }
  return value;
}

/**
 * The signature base (RFC 9421 section 2.5), or the older base of the `2026-01` wire.
 * `signatureParams` is the raw text after the label in Signature-Input, exactly as sent.
 */
export function signatureBase(
  components: readonly string[],
  signatureParams: string,
  source: ComponentSource,
  wire: Wire,
): string {
  let base = '';
  for (const name of components) base += `"${name}": ${componentValue(name, source, wire)}\n`;
  return wire === '2026-01' ? base : `${base}"@signature-params": ${signatureParams}`;
}
