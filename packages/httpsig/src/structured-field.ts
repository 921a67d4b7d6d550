import { decodeBase64 } from './bytes.js';
import { SignatureError } from './failure.js';

/**
 * Structured fields (RFC 8941), strict: equal members and parameters are refused rather than
 * the last one kept, base64 must be padded with zero spare bits, and integers stay apart from decimals.
 */
export type BareItem =
  | { readonly type: 'integer'; readonly value: number }
  | { readonly type: 'decimal'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'token'; readonly value: string }
  | { readonly type: 'bytes'; readonly value: Uint8Array<ArrayBuffer> }
  | { readonly type: 'boolean'; readonly value: boolean };

export type Parameters = ReadonlyMap<string, BareItem>;

export interface Item {
  readonly value: BareItem;
  readonly parameters: Parameters;
}

export interface InnerList {
  readonly items: readonly Item[];
  readonly parameters: Parameters;
}

export interface Member {
  readonly value: Item | InnerList;
  /** The member's text as it was sent, after its `key=`. */
  readonly raw: string;
}

const isLower = (code: number): boolean => code >= 0x61 && code <= 0x7a;
const isAlpha = (code: number): boolean => isLower(code | 0x20) && code < 0x80;
const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
const TOKEN_PUNCTUATION = "!#$%&'*+-.^_`|~:/";

/** One for all: most items have none, and a map for each component of a signature costs a tenth of parsing it. */
const NO_PARAMETERS: Parameters = new Map();

/** True when `text` is an sf-key: a label or a parameter name. */
export function isKey(text: string): boolean {
  return /^[a-z*][a-z0-9_.*-]*$/.test(text);
}

/** Writes an sf-string; only printable ASCII can be written. */
export function serializeString(text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text)) {
    throw new TypeError('a structured-field string holds printable ASCII only');
  }
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

/** A reader over one field value. Every method either advances or throws {@link SignatureError}. */
export class FieldReader {
  readonly #text: string;
  readonly #field: string;
  #at: number;

  constructor(text: string, field: string, start = 0) {
    this.#text = text;
    this.#field = field;
    this.#at = start;
  }

  get position(): number {
    return this.#at;
  }

  get done(): boolean {
    return this.#at >= this.#text.length;
  }

  fail(what: string): never {
    throw new SignatureError('header_malformed', `${this.#field}: ${what}`);
  }

  slice(from: number): string {
    return this.#text.slice(from, this.#at);
  }

  /** The next character without taking it; empty at the end. */
  peek(): string {
    return this.#text.charAt(this.#at);
  }

  take(expected: string): void {
    if (!this.tryTake(expected)) this.fail(`expected ${JSON.stringify(expected)}`);
  }

  tryTake(expected: string): boolean {
    if (this.#text.charAt(this.#at) !== expected) return false;
    this.#at += 1;
    return true;
  }

  skipSpaces(): void {
    while (this.#text.charCodeAt(this.#at) === 0x20) this.#at += 1;
  }

  /** Optional white space between dictionary members: spaces and tabs. */
  skipOptionalSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x09) return;
      this.#at += 1;
    }
  }

  key(): string {
    const start = this.#at;
    const first = this.#text.charCodeAt(start);
    if (!isLower(first) && first !== 0x2a) this.fail('expected a lower-case key');
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (
        !isLower(code) &&
        !isDigit(code) &&
        !'_-.*'.includes(this.#text.charAt(this.#at) || ' ')
      ) {
        break;
      }
      this.#at += 1;
    }
    return this.#text.slice(start, this.#at);
  }

  string(): string {
    this.take('"');
    let value = '';
    let from = this.#at;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === 0x22) {
        value += this.#text.slice(from, this.#at);
        this.#at += 1;
        return value;
      }
      if (code === 0x5c) {
        value += this.#text.slice(from, this.#at);
        const next = this.#text.charAt(this.#at + 1);
        if (next !== '"' && next !== '\\')
          this.fail('only \\" and \\\\ may be escaped in a string');
        value += next;
        this.#at += 2;
        from = this.#at;
      } else if (code >= 0x20 && code <= 0x7e) {
        this.#at += 1;
      } else {
        this.fail('unterminated string or a character outside printable ASCII');
      }
    }
  }

  token(): string {
    const start = this.#at;
    const first = this.#text.charCodeAt(start);
    if (!isAlpha(first) && first !== 0x2a) this.fail('expected a token');
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      const other = this.#text.charAt(this.#at);
      if (
        !isAlpha(code) &&
        !isDigit(code) &&
        (other === '' || !TOKEN_PUNCTUATION.includes(other))
      ) {
        break;
      }
      this.#at += 1;
    }
    return this.#text.slice(start, this.#at);
  }

  bareItem(): BareItem {
    const first = this.peek();
    const code = first.charCodeAt(0);
    if (first === '"') return { type: 'string', value: this.string() };
    if (first === '-' || isDigit(code)) return this.#number();
    if (first === ':') return this.#bytes();
    if (first === '?') {
      this.#at += 1;
      if (this.tryTake('1')) return { type: 'boolean', value: true };
      this.take('0');
      return { type: 'boolean', value: false };
    }
    return { type: 'token', value: this.token() };
  }

  #number(): BareItem {
    const start = this.#at;
    this.tryTake('-');
    const digits = this.#at;
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at += 1;
    const whole = this.#at - digits;
    if (whole === 0) this.fail('expected a digit');
    if (this.peek() !== '.') {
      if (whole > 15) this.fail('an integer has at most 15 digits');
      return { type: 'integer', value: Number(this.slice(start)) };
    }
    if (whole > 12) this.fail('a decimal has at most 12 digits before the point');
    this.#at += 1;
    const point = this.#at;
    while (isDigit(this.#text.charCodeAt(this.#at))) this.#at += 1;
    const fraction = this.#at - point;
    if (fraction === 0 || fraction > 3)
      this.fail('a decimal has one to three digits after the point');
    return { type: 'decimal', value: Number(this.slice(start)) };
  }

  #bytes(): BareItem {
    this.take(':');
    const end = this.#text.indexOf(':', this.#at);
    if (end < 0) this.fail('unterminated byte sequence');
    const value = decodeBase64(this.#text.slice(this.#at, end));
    if (value === undefined) this.fail('a byte sequence is padded base64 with zero spare bits');
    this.#at = end + 1;
    return { type: 'bytes', value };
  }

  parameters(): Parameters {
    if (this.#text.charCodeAt(this.#at) !== 0x3b) return NO_PARAMETERS;
    const parameters = new Map<string, BareItem>();
    while (this.tryTake(';')) {
      this.skipSpaces();
      const key = this.key();
      if (parameters.has(key)) this.fail('a parameter is given twice');
      parameters.set(key, this.tryTake('=') ? this.bareItem() : { type: 'boolean', value: true });
    }
    return parameters;
  }

  item(): Item {
    const value = this.bareItem();
    return { value, parameters: this.parameters() };
  }

  innerList(): InnerList {
    this.take('(');
    const items: Item[] = [];
    for (;;) {
      this.skipSpaces();
      if (this.tryTake(')')) return { items, parameters: this.parameters() };
      items.push(this.item());
      if (this.peek() !== ' ' && this.peek() !== ')') this.fail('list items are parted by spaces');
    }
  }

  end(): void {
    this.skipSpaces();
    if (!this.done) this.fail('unexpected text after the value');
  }
}

/** Parses a whole field value as one Item. Throws {@link SignatureError} `header_malformed`. */
export function parseItem(text: string, field: string): Item {
  const reader = new FieldReader(text, field);
  reader.skipSpaces();
  const item = reader.item();
  reader.end();
  return item;
}

/** Parses a whole field value as a Dictionary. Throws {@link SignatureError}; a key given twice is `header_repeated`. */
export function parseDictionary(text: string, field: string): ReadonlyMap<string, Member> {
  const reader = new FieldReader(text, field);
  const members = new Map<string, Member>();
  reader.skipSpaces();
  while (!reader.done) {
    const key = reader.key();
    if (members.has(key)) {
      throw new SignatureError('header_repeated', `${field}: a member is given twice`);
    }
    let member: Member;
    if (reader.tryTake('=')) {
      const start = reader.position;
      const value = reader.peek() === '(' ? reader.innerList() : reader.item();
      member = { value, raw: reader.slice(start) };
    } else {
      const start = reader.position;
      const parameters = reader.parameters();
      member = {
        value: { value: { type: 'boolean', value: true }, parameters },
        raw: reader.slice(start),
      };
    }
    members.set(key, member);
    reader.skipOptionalSpace();
    if (reader.done) break;
    reader.take(',');
    reader.skipOptionalSpace();
    if (reader.done) reader.fail('a comma at the end');
  }
  return members;
}
