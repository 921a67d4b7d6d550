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

/** Walks text that is known to be JSON, keeping for every open object the member names seen. */
function hasUniqueMembers(text: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  let expectName = false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"') {
      const start = at;
      at = endOfString(text, at);
      const names = open[open.length - 1];
      if (expectName && names !== undefined) {
        const name = JSON.parse(text.slice(start, at + 1)) as string;
        if (names.has(name)) return false;
        names.add(name);
        expectName = false;
      }
    } else if (character === '{' || character === '[') {
      if (open.length >= MAX_DEPTH) return false;
      open.push(character === '{' ? new Set() : undefined);
      expectName = character === '{';
    } else if (character === '}' || character === ']') {
      open.pop();
      expectName = false;
    } else if (character === ',') {
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
