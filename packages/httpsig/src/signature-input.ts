import { SignatureError } from './failure.js';
import { isComponentName } from './signature-base.js';
import { FieldReader, isKey, parseDictionary, type Parameters } from './structured-field.js';

/** A parsed Signature-Input member. Shape only: neither time nor coverage has been judged. */
export interface SignatureInput {
  readonly label: string;
  readonly components: readonly string[];
  readonly created: number | undefined;
  readonly expires: number | undefined;
  readonly alg: string | undefined;
  /** The text after `label=`, exactly as sent: the value of `@signature-params`. */
  readonly raw: string;
}

const TEXT_PARAMETERS = ['alg', 'keyid', 'nonce', 'tag'];

function invalid(message: string): never {
  throw new SignatureError('parameter_invalid', message);
}

function integer(parameters: Parameters, name: string): number | undefined {
  const value = parameters.get(name);
  if (value === undefined) return undefined;
  if (value.type !== 'integer' || value.value < 0)
    invalid(`Signature-Input: ${name} must be a whole number of seconds.`);
  return value.value;
}

/**
 * Parses a Signature-Input field with exactly one member (RFC 9421 section 4.1).
 * Component parameters (`;sf`, `;bs`, `;key`, `;req`, `;tr`), unknown derived components, upper-case names and
 * repetitions are refused. Throws {@link SignatureError}.
 */
export function parseSignatureInput(text: string): SignatureInput {
  const known = parseKnownList(text);
  if (known !== undefined) return known;
  const members = parseDictionary(text, 'Signature-Input');
  const [first] = members;
  if (first === undefined || members.size !== 1) {
    throw new SignatureError(
      first === undefined ? 'header_malformed' : 'header_repeated',
      'Signature-Input must have exactly one member.',
    );
  }
  const [label, { value, raw }] = first;
  if (!('items' in value)) {
    throw new SignatureError('header_malformed', 'Signature-Input: expected a list of components.');
  }
  const components: string[] = [];
  for (const item of value.items) {
    if (
      item.value.type !== 'string' ||
      item.parameters.size > 0 ||
      !isComponentName(item.value.value)
    ) {
      throw new SignatureError(
        'component_invalid',
        'Signature-Input: components are known derived components or lower-case field names, without parameters.',
      );
    }
    components.push(item.value.value);
  }
  if (new Set(components).size !== components.length) {
    throw new SignatureError('component_invalid', 'Signature-Input: a component is named twice.');
  }
  const input = withParameters(label, components, value.parameters, raw);
  rememberList(raw, components);
  return input;
}

function withParameters(
  label: string,
  components: readonly string[],
  parameters: Parameters,
  raw: string,
): SignatureInput {
  for (const name of TEXT_PARAMETERS) {
    const parameter = parameters.get(name);
    if (parameter !== undefined && parameter.type !== 'string')
      invalid(`Signature-Input: ${name} must be a string.`);
  }
  const alg = parameters.get('alg');
  return {
    label,
    components,
    created: integer(parameters, 'created'),
    expires: integer(parameters, 'expires'),
    alg: alg?.type === 'string' ? alg.value : undefined,
    raw,
  };
}

/**
 * Component lists that have been accepted, by their text: senders say the same one again and again, and reading its
 * items is 1 µs of the 7 µs that a request costs beside its signature check.
 */
const knownLists = new Map<string, readonly string[]>();
const MAX_KNOWN_LISTS = 64;
const MAX_KNOWN_LENGTH = 512;

function rememberList(raw: string, components: string[]): void {
  const list = raw.slice(0, raw.indexOf(')') + 1);
  // A list whose names have a parenthesis would be cut short here: none such is accepted as a component.
  if (list.length > MAX_KNOWN_LENGTH) return;
  if (knownLists.size >= MAX_KNOWN_LISTS) knownLists.clear();
  knownLists.set(list, Object.freeze(components));
}

/** The input when it is one member with a known list; `undefined` for everything else, which is then read in full. */
function parseKnownList(text: string): SignatureInput | undefined {
  const open = text.indexOf('=(');
  const close = text.indexOf(')', open);
  const components = knownLists.get(text.slice(open + 1, close + 1));
  const label = text.slice(0, Math.max(open, 0));
  if (components === undefined || open < 1 || !isKey(label)) return undefined;
  const reader = new FieldReader(text, 'Signature-Input', close + 1);
  const parameters = reader.parameters();
  return reader.done
    ? withParameters(label, components, parameters, text.slice(open + 1))
    : undefined;
}
