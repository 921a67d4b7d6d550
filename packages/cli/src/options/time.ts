import { UsageError } from '../command-error.js';

const UNITS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 };

/**
 * A moment as Unix seconds: `2026-11-01`, `2026-11-01T08:30:00Z`, or how long ago, as `30m`, `12h` or `90d`. Dates are UTC.
 * Throws a `UsageError` that names the option.
 */
export function readTime(text: string, option: string, now: number): number {
  const ago = /^(\d{1,6})([mhd])$/.exec(text);
  if (ago !== null) return now - Number(ago[1]) * (UNITS[ago[2] ?? ''] ?? 0);
  const isDate = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d))?$/.test(text);
  const time = isDate ? Date.parse(text) : NaN;
  if (Number.isFinite(time)) return Math.ceil(time / 1000);
  throw new UsageError(
    `${option} is "${text}": it takes a date such as 2026-11-01, a time such as 2026-11-01T08:30:00Z, ` +
      'or how long ago, such as 30m, 12h or 90d.',
  );
}
