import { environmentValue } from '../options/environment.js';
import type { AnySetting } from './setting.js';
import { variableOf } from './setting.js';

/** Where a value stands, in the order in which they count. */
export type Source = 'flag' | 'variable' | 'file' | 'default';

/** A value as it was given, not checked. */
export interface Given {
  readonly value: unknown;
  readonly source: Source;
  /** How the operator calls it: `--port`, `COUNTERSIGN_PORT`, `port (line 3 of auth.yaml)`. */
  readonly where: string;
  /** The same for each entry of a list that stands on a line of its own. */
  readonly entries?: readonly string[];
}

/** How the operator calls an entry of a list: by its line, or as the list. */
export function entryOf({ where, entries }: Given, index: number): string {
  return entries?.[index] ?? where;
}

/** What has been given for each setting, by its name. */
export type AllGiven = ReadonlyMap<string, Given>;

const BOOLEANS = new Map([
  ['true', true],
  ['1', true],
  ['yes', true],
  ['false', false],
  ['0', false],
  ['no', false],
]);

/** What stands as text, in the type it stands for. What cannot be read stays text, for the check to refuse. */
export function fromText(text: string, { spelling }: Pick<AnySetting, 'spelling'>): unknown {
  switch (spelling) {
    case 'number':
      return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
    case 'boolean':
      return BOOLEANS.get(text.toLowerCase()) ?? text;
    case 'words':
      return partsOf(text, /[\s,]+/);
    case 'lines':
      return partsOf(text, /[\r\n]+/);
    case 'text':
      return text;
  }
}

function partsOf(text: string, separator: RegExp): string[] {
  return text.split(separator).filter((one) => one !== '');
}

/** What the command line says of a setting. */
export function fromFlag(value: unknown, setting: AnySetting): unknown {
  if (Array.isArray(value)) return value.flatMap((one) => fromText(String(one), setting));
  return typeof value === 'string' ? fromText(value, setting) : value;
}

/**
 * What a variable says of a setting, where there is one. Of one that is written `--no-…`, the variable may be spelled as
 * the option is.
 */
export function fromVariable(name: string, setting: AnySetting): Given | undefined {
  const where = variableOf(name);
  const text = environmentValue(where);
  if (text !== undefined) return { value: fromText(text, setting), source: 'variable', where };
  if (!setting.flags.startsWith('--no-')) return undefined;
  const negated = where.replace('COUNTERSIGN_', 'COUNTERSIGN_NO_');
  const off = environmentValue(negated);
  if (off === undefined) return undefined;
  const value = fromText(off, setting);
  return {
    value: typeof value === 'boolean' ? !value : value,
    source: 'variable',
    where: negated,
  };
}
