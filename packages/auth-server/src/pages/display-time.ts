/** Durations and moments in words. */

/** Unix seconds of the last moment that a `Date` can hold. */
const LAST_MOMENT = 8.64e12;

/** `90` becomes `2 minutes`: rounded up, so that whoever waits that long has waited long enough. */
export function inWords(seconds: number): string {
  const whole = Math.max(1, Math.ceil(seconds));
  if (whole < 60) return plural(whole, 'second');
  if (whole < 3600) return plural(Math.ceil(whole / 60), 'minute');
  if (whole < 86_400) return plural(Math.ceil(whole / 3600), 'hour');
  return plural(Math.ceil(whole / 86_400), 'day');
}

function plural(count: number, unit: string): string {
  return count === 1 ? `1 ${unit}` : `${count} ${unit}s`;
}

const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

/** A moment in Unix seconds, for people and for machines; `undefined` when it is no date that can be written. */
export function moment(seconds: number): { words: string; iso: string } | undefined {
  if (!Number.isFinite(seconds) || Math.abs(seconds) > LAST_MOMENT) return undefined;
  const date = new Date(seconds * 1000);
  const iso = date.toISOString();
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()] ?? ''} ${date.getUTCFullYear()}`;
  return { words: `${day}, ${iso.slice(-13, -8)} UTC`, iso };
}
