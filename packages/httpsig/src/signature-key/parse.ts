import { SignatureError } from '../failure.js';
import { isKey, serializeString } from '../structured-field.js';

/** The members of one Signature-Key value, in the order sent. Says nothing yet about what they mean. */
export interface SignatureKeyField {
  readonly label: string;
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * `scheme=token` or `name="text"`, and what follows. The characters of a text are one run between escapes, which an
 * engine takes in one step: twice as fast here as an alternative for each character.
 */
const RUN = String.raw`[\x20\x21\x23-\x5b\x5d-\x7e]*`;
const PAIR = new RegExp(
  String.raw`(?:scheme=([a-z][a-z0-9_-]*)|([a-z0-9_-]+)="(${RUN}(?:\\["\\]${RUN})*)")([ )])`,
  'y',
);

function malformed(what: string): never {
  throw new SignatureError('header_malformed', `Signature-Key: ${what}`);
}

/**
 * Parses `label=(scheme=name param="value" …)`. The field is not a valid structured field (a parameter inside an
 * inner list), so it has a grammar of its own: `scheme` first and a token, every other value an sf-string, names of
 * `a-z 0-9 - _`, single spaces, nothing twice, one member.
 *
 * Linear in the length of `text`. Throws {@link SignatureError}: `header_malformed`, `header_repeated`,
 * `header_too_large`.
 */
export function parseSignatureKeyField(text: string, maxLength: number): SignatureKeyField {
  if (text.length > maxLength) {
    throw new SignatureError('header_too_large', `Signature-Key: at most ${maxLength} characters.`);
  }
  const open = text.indexOf('=(');
  const label = text.slice(0, Math.max(open, 0));
  if (open < 1 || open > 256 || !isKey(label)) malformed('expected label=(scheme=… …).');
  PAIR.lastIndex = open + 2;
  let scheme: string | undefined;
  const parameters = new Map<string, string>();
  for (;;) {
    const match = PAIR.exec(text);
    if (match === null) malformed('expected name="value" parted by single spaces.');
    const [, token, name, quoted = '', after] = match;
    if (scheme === undefined) {
      if (token === undefined) malformed('the scheme comes first and is a token.');
      scheme = token;
    } else if (token !== undefined || name === undefined || name === 'scheme') {
      malformed('the scheme is given twice.');
    } else if (parameters.has(name)) {
      malformed('a parameter is given twice.');
    } else {
      parameters.set(name, quoted.includes('\\') ? quoted.replace(/\\(.)/g, '$1') : quoted);
    }
    if (after === ')') break;
  }
  if (PAIR.lastIndex !== text.length) {
    if (text.charAt(PAIR.lastIndex) === ',') {
      throw new SignatureError('header_repeated', 'Signature-Key may have only one member.');
    }
    malformed('unexpected text after the closing parenthesis.');
  }
  return { label, scheme, parameters };
}

/** Writes a Signature-Key value. Throws `TypeError` for a label, name or value that the grammar cannot carry. */
export function serializeSignatureKeyField(field: SignatureKeyField): string {
  const { label, scheme, parameters } = field;
  const names = [scheme, ...parameters.keys()];
  if (
    !isKey(label) ||
    !/^[a-z][a-z0-9_-]*$/.test(scheme) ||
    parameters.has('scheme') ||
    !names.every((name) => /^[a-z0-9_-]+$/.test(name))
  ) {
    throw new TypeError('a Signature-Key label, scheme or parameter name is not valid');
  }
  const pairs = Array.from(parameters, ([name, value]) => ` ${name}=${serializeString(value)}`);
  return `${label}=(scheme=${scheme}${pairs.join('')})`;
}
