/** The median of some numbers. */
export function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}

/** Runs `work` again and again with `inFlight` calls under way, for `milliseconds`; returns calls per second. */
export async function throughput(work, { inFlight, milliseconds }) {
  const started = performance.now();
  const end = started + milliseconds;
  let done = 0;
  const lane = async () => {
    while (performance.now() < end) {
      await work();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return (done / (performance.now() - started)) * 1000;
}

/**
 * Measures a subject against a baseline in the same run: rounds alternate, so that whatever else the machine does
 * meets both. Returns the medians and their ratio.
 */
export async function compare({ rounds, subject, baseline }) {
  const results = { subject: [], baseline: [] };
  await baseline();
  await subject();
  for (let round = 0; round < rounds; round++) {
    results.baseline.push(await baseline());
    results.subject.push(await subject());
  }
  const [mine, theirs] = [median(results.subject), median(results.baseline)];
  return { subject: mine, baseline: theirs, ratio: mine / theirs };
}

/** Prints rows of one measurement as a table. */
export function printTable(title, unit, rows) {
  console.log(`\n${title}`);
  console.log(
    `${'case'.padEnd(44)}${'measured'.padStart(12)}${'baseline'.padStart(12)}${'ratio'.padStart(8)}   ${unit}`,
  );
  for (const { name, subject, baseline, ratio } of rows) {
    const number = (value) => Math.round(value).toLocaleString('en').padStart(12);
    console.log(
      `${name.padEnd(44)}${number(subject)}${number(baseline)}${ratio.toFixed(2).padStart(8)}`,
    );
  }
}
