import { SignatureError } from './failure.js';
import { isComponentName } from './signature-base.js';
import { parseDictionary, type Parameters } from './structured-field.js';

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
  for (const name of TEXT_PARAMETERS) {
    const parameter = value.parameters.get(name);
    if (parameter !== undefined && parameter.type !== 'string')
      invalid(`Signature-Input: ${name} must be a string.`);
  }
  const alg = value.parameters.get('alg');
  return {
    label,
    components,
    created: integer(value.parameters, 'created'),
    expires: integer(value.parameters, 'expires'),
    alg: alg?.type === 'string' ? alg.value : undefined,
    raw,
  };
}
