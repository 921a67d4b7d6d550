import { breakages } from './breakages.js';

const { edits } = breakages[process.env.COUNTERSIGN_CHECK_BREAKAGE];

/** Module hook: the source with the edits of the breakage; a place that is not found once is an error. */
export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  const own = edits.filter(({ file }) => url.endsWith(`/packages/auth-server/dist/${file}`));
  if (own.length === 0) return loaded;
  let source = Buffer.from(loaded.source).toString();
  for (const { from, to, file } of own) {
    if (source.split(from).length !== 2) throw new Error(`${file} has not got, once: ${from}`);
    source = source.replace(from, () => to);
  }
  return { ...loaded, source };
}
