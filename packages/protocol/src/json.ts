/** A JSON object whose members have not been looked at. */
export type JsonObject = Record<string, unknown>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const MAX_DEPTH = 32;

/**
 * Parses JSON that a stranger wrote: a member given twice (of which `JSON.parse` keeps the last) and nesting deeper
 * than 32 are refused like any other syntax error. `undefined` for anything refused.
 */
export function parseStrictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return hasUniqueMembers(text) ? value : undefined;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Walks text that is known to be JSON, keeping for every open object the member names seen. */
function hasUniqueMembers(text: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  // Tokens are read often, and hardly ever have an escape in them: then a string ends at the next quotation mark.
  const escapes = text.includes('\\');
  let expectName = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      const start = at;
      at = escapes ? endOfString(text, at) : text.indexOf('"', at + 1);
      const names = open[open.length - 1];
      if (expectName && names !== undefined) {
        const raw = text.slice(start + 1, at);
        const name = escapes ? (JSON.parse(`"${raw}"`) as string) : raw;
        if (names.has(name)) return false;
        names.add(name);
        expectName = false;
      }
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      if (open.length >= MAX_DEPTH) return false;
      open.push(code === OPEN_OBJECT ? new Set() : undefined);
      expectName = code === OPEN_OBJECT;
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      open.pop();
      expectName = false;
    } else if (code === COMMA) {
      expectName = open[open.length - 1] !== undefined;
    }
  }
  return true;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at;
}

/** UTF-8 bytes as strict JSON; `undefined` when they are neither. */
export function parseStrictJsonBytes(bytes: Uint8Array): unknown {
  try {
    return parseStrictJson(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes),
    );
  } catch {
    return undefined;
  }
}
