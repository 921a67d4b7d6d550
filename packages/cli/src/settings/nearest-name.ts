/** The known name that differs from `name` least, where it is near enough to have been meant. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const plain = (one: string): string => one.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const meant = plain(name).slice(0, 60);
  const [nearest] = known
    .map((one) => ({ one, distance: distanceOf(meant, plain(one)) }))
    .toSorted((first, second) => first.distance - second.distance);
  if (nearest === undefined || nearest.distance > Math.max(2, meant.length / 3)) return undefined;
  return nearest.one;
}

/** How many letters must be put in, left out or changed. */
function distanceOf(first: string, second: string): number {
  let row = Array.from({ length: second.length + 1 }, (_, at) => at);
  for (const [index, letter] of first.split('').entries()) {
    const next = [index + 1];
    for (const [at, other] of second.split('').entries()) {
      next.push(
        Math.min(
          (row[at + 1] ?? 0) + 1,
          (next[at] ?? 0) + 1,
          (row[at] ?? 0) + (letter === other ? 0 : 1),
        ),
      );
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
