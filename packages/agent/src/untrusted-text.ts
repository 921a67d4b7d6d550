/** Line breaks, other control characters, and the invisible ones that turn text around. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]+/gu;

/** Text that a server sent, made fit for a log line: one line, nothing invisible, at most 200 characters. */
export function untrustedText(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.slice(0, 1000).replace(UNPRINTABLE, ' ').trim();
  if (text === '') return undefined;
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}
