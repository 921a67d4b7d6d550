/**
 * Text that agents and resources assert about themselves, made fit to be shown to a person. It comes from strangers:
 * it may try to hide, reorder, overprint or push away what the server itself says on the same page.
 */

/** Upper bounds, in code points, of what a page shows of each kind of asserted text. */
export const TEXT_LIMITS = {
  name: 60,
  scope: 100,
  description: 200,
  purpose: 300,
  detail: 120,
} as const;

/** Code units looked at for each code point shown. What lies further back counts as cut off. */
const EXAMINED_PER_SHOWN = 16;

/** White space of every kind, line and paragraph separators included. */
const SPACE = /[\s\p{Z}]+/gu;

/**
 * What has no glyph of its own: control and format characters (bidirectional overrides and zero-width ones among them),
 * lone surrogates, private use, unassigned; everything Unicode calls ignorable (fillers, variation selectors, tags);
 * the blank Braille cell; enclosing marks, which draw over their neighbours.
 */
const INVISIBLE = /[\p{C}\p{Default_Ignorable_Code_Point}\p{Me}\u2800]/gu;

/** Marks at the beginning would attach themselves to the page's own text in front. */
const LEADING = /^[ \p{M}]+/u;

/** More than three marks on one letter is a tower that paints over other lines. */
const MARK_TOWER = /(\p{M}{3})\p{M}+/gu;

/** Quotation marks inside a name would close the ones that pages put around it. */
const QUOTATION_MARKS = /["“”„‟«»〝〞〟＂]/gu;

/** What most texts are, and none of this changes: words of printable ASCII with a space between them. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/u;

const HAS_SUBSTANCE = /[\p{L}\p{N}\p{So}]/u;

/**
 * One line of at most `limit` code points, an ellipsis included when something was cut off, with nothing in it that is
 * invisible or changes the direction or place of other text. Linear in `limit`, whatever the input's length. The result
 * is text: escaping it is the renderer's work.
 */
export function displayText(text: string | undefined, limit: number): string {
  return text === undefined ? '' : clipText(text, limit).shown;
}

/** As {@link displayText}, and whether something was cut off. */
export function clipText(text: string, limit: number): { shown: string; cut: boolean } {
  if (text.length <= limit && PLAIN.test(text)) return { shown: text, cut: false };
  const examined = text.slice(0, limit * EXAMINED_PER_SHOWN);
  const clean = examined
    .replace(SPACE, ' ')
    .replace(INVISIBLE, '')
    .replace(/ {2,}/gu, ' ')
    .replace(LEADING, '')
    .replace(MARK_TOWER, '$1')
    .trimEnd();
  const points = Array.from(clean);
  const cut = points.length > limit || examined.length < text.length;
  if (!cut || clean === '') return { shown: clean, cut };
  const kept = points.slice(0, limit - 1).join('');
  return { shown: `${kept.trimEnd()}…`, cut };
}

/**
 * The name that a party gives itself, or `undefined` when it gives none or nothing of it can be seen. A name is never
 * shown in place of the identifier, only beside it.
 */
export function displayName(name: string | undefined): string | undefined {
  const shown = displayText(name, TEXT_LIMITS.name).replace(QUOTATION_MARKS, '’');
  return HAS_SUBSTANCE.test(shown) ? shown : undefined;
}

/** Whether a name reads like an address, so that it might be taken for the identifier beside it. */
export function resemblesAddress(name: string): boolean {
  return /:\/\/|[\p{L}\p{N}-][.\u3002\uFF0E\uFF61][\p{L}]{2}/u.test(name);
}
