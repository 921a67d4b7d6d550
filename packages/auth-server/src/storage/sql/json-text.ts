export function jsonToText(value: unknown): string {
  return JSON.stringify(value);
}

/** Reads what `jsonToText` wrote. The store has no other source of such text, so the type is the one it had. */
export function jsonFromText<T>(text: string): T {
  return JSON.parse(text) as T;
}
