/**
 * PostgreSQL's text cannot hold U+0000, which strangers may send in a name. It is kept as U+FFFF and a digit, and U+FFFF
 * itself, which is no character of any text, likewise: every string comes back as it was, and no two are kept alike.
 */
export function withoutNull(text: string): string {
  if (!/[\0\uffff]/.test(text)) return text;
  return text.replaceAll('\uffff', '\uffff1').replaceAll('\0', '\uffff0');
}

/** Undoes {@link withoutNull}. */
export function withNull(value: unknown): unknown {
  if (typeof value !== 'string' || !value.includes('\uffff')) return value;
  return value.replaceAll('\uffff0', '\0').replaceAll('\uffff1', '\uffff');
}
