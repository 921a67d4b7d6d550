import { breakages } from './breakages.js';

const { edits } = breakages[process.env.COUNTERSIGN_CHECK_BREAKAGE];

/** Module hook: the source with the edits of the breakage; a place that is not found once is an error. */
export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  const own = edits.filter(({ file }) => url.endsWith(`/packages/auth-server/dist/${file}`));
  if (own.length === 0) return loaded;
  let source = Buffer.from(loaded.source).toString();
  for (const { from, to, file } of own) {
    const place = new RegExp(spaced(from), 'g');
    const found = source.match(place)?.length ?? 0;
    if (found !== 1) throw new Error(`${file} has not got this once, but ${found} times: ${from}`);
    source = source.replace(place, () => to);
  }
  return { ...loaded, source };
}

/** The text as a pattern in which lines may be broken anywhere between words. */
function spaced(text) {
  return text
    .split(' ')
    .map((word) => word.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&'))
    .join('\\s+');
}
