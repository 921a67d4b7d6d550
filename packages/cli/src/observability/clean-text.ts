/** The longest text of a stranger's in a line of the log. Characters. */
export const MAX_TEXT = 512;

/** What strangers wrote, for one line of a log: no control, format or line-breaking characters, and not endlessly long. */
export function cleanText(text: string, longest: number = MAX_TEXT): string {
  const clean = text.slice(0, longest + 1).replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '?');
  return clean.length > longest ? `${clean.slice(0, longest - 3)}...` : clean;
}
