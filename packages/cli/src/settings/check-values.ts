import { type AllGiven, entryOf, type Given } from './given.js';
import type { AnySetting, Zod } from './setting.js';

/** Values by the names of their settings; `problems` are sentences for the operator, and empty when all is well. */
export interface CheckedValues {
  readonly values: Readonly<Record<string, unknown>>;
  readonly problems: readonly string[];
  /** The names of the settings whose values are wrong: they have none. */
  readonly wrong: ReadonlySet<string>;
}

/** Checks each value by the schema of its setting, and fills in defaults. Reports everything that is wrong. */
export function checkValues(
  settings: Readonly<Record<string, AnySetting>>,
  given: AllGiven,
  z: Zod,
): CheckedValues {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  const wrong = new Set<string>();
  for (const [name, setting] of Object.entries(settings)) {
    const one = given.get(name);
    if (one === undefined) {
      values[name] = setting.default;
      continue;
    }
    const result = setting.schema(z).safeParse(one.value);
    if (result.success) {
      values[name] = result.data;
      continue;
    }
    wrong.add(name);
    for (const part of wrongParts(one, result.error.issues)) {
      problems.push(`${saidOf(part, setting)}: it takes ${setting.allowed}.`);
    }
  }
  return { values, problems, wrong };
}

/** The entries of a list that are wrong, or the value as a whole. */
function wrongParts(
  given: Given,
  issues: readonly { readonly path: readonly PropertyKey[] }[],
): readonly Given[] {
  const { value } = given;
  const indices = new Set(issues.map(({ path }) => path[0]));
  if (!Array.isArray(value) || indices.has(undefined)) return [given];
  return value.flatMap((entry: unknown, index) =>
    indices.has(index) ? [{ ...given, value: entry, where: entryOf(given, index) }] : [],
  );
}

/** `--port is "http"`; of a secret only that it is set. */
export function saidOf({ where, value }: Given, { secret = false, show }: AnySetting): string {
  if (secret) return `${where} cannot be used`;
  if (show === undefined) return `${where} is ${shownValue(value)}`;
  return typeof value === 'string' ? `${where} is "${show(value)}"` : `${where} is no text`;
}

const MAX_SHOWN = 200;

function shownValue(value: unknown): string {
  if (Array.isArray(value)) return value.map(shownValue).join(', ') || 'an empty list';
  const text = typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? '');
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}
