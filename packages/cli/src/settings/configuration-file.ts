import { readFileSync, statSync } from 'node:fs';
import { isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import { UsageError } from '../command-error.js';
import type { Given } from './given.js';
import { nearestName } from './nearest-name.js';
import type { AnySetting } from './setting.js';

const MAX_BYTES = 1024 * 1024;
const MAX_ALIASES = 50;

/** What a configuration file says. */
export interface ConfigurationFile {
  readonly given: ReadonlyMap<string, Given>;
  /** What is wrong with it beyond single values. */
  readonly problems: readonly string[];
  /** Whether accounts of this machine other than its owner may read it. */
  readonly readableByOthers: boolean;
}

/**
 * Reads YAML 1.2, of which JSON is a part: one map from the names of settings to values. Reports every unknown or
 * repeated name. Throws a `UsageError` when it cannot be read at all.
 */
export function readConfigurationFile(
  file: string,
  settings: Readonly<Record<string, AnySetting>>,
): ConfigurationFile {
  const text = readText(file);
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    version: '1.2',
    schema: 'core',
    uniqueKeys: true,
    prettyErrors: false,
  });
  const lineOf = (offset: number | undefined): number =>
    offset === undefined ? 1 : lines.linePos(offset).line;
  const problems: string[] = [];
  const given = new Map<string, Given>();
  const empty = !Array.isArray(documents);
  if (!empty && documents.length > 1) {
    throw new UsageError(
      `--config is "${file}": it must hold one document, not ${documents.length}.`,
    );
  }
  const document = empty ? undefined : documents[0];
  let readable = true;
  for (const { code, message, pos } of [
    ...(document?.errors ?? []),
    ...(document?.warnings ?? []),
  ]) {
    const twice = code === 'DUPLICATE_KEY';
    if (!twice) readable = false;
    const said = twice ? 'this setting stands in the file already.' : message;
    problems.push(`${file}, line ${lineOf(pos[0])}: ${said}`);
  }
  const root = document?.contents ?? null;
  const result = { given, problems, readableByOthers: isReadableByOthers(file) };
  if (!readable || root === null || document === undefined) return result;
  if (!isMap(root)) {
    throw new UsageError(
      `--config is "${file}": it must hold settings with their values, one a line, such as "port: 8003".`,
    );
  }
  for (const { key, value } of root.items) {
    const name = isScalar(key) ? String(key.value) : '';
    const offset = isScalar(key) ? key.range?.[0] : undefined;
    const line = lineOf(offset);
    const setting = Object.hasOwn(settings, name) ? settings[name] : undefined;
    if (setting === undefined) {
      problems.push(`${file}, line ${line}: ${unknownName(name, Object.keys(settings))}`);
      continue;
    }
    const where = `${name} (${file}, line ${line})`;
    try {
      const plain: unknown = isScalar(value)
        ? value.value
        : (value as { toJS(of: unknown, options: object): unknown } | null)?.toJS(document, {
            maxAliasCount: MAX_ALIASES,
          });
      // Written without a value, a setting is not set: the default holds.
      if (plain === null || plain === undefined) continue;
      const entries = isSeq(value)
        ? value.items.map((entry) => {
            const at = isNode(entry) ? entry.range?.[0] : undefined;
            return at === undefined ? where : `${name} (${file}, line ${lineOf(at)})`;
          })
        : undefined;
      given.set(name, {
        value: asList(plain, setting),
        source: 'file',
        where,
        ...(entries === undefined ? {} : { entries }),
      });
    } catch {
      problems.push(`${where} refers to too much else in the file: write it out.`);
    }
  }
  return result;
}

/** One value may stand for a list of one. */
function asList(value: unknown, { spelling }: AnySetting): unknown {
  const isList = spelling === 'words' || spelling === 'lines';
  return isList && typeof value === 'string' ? [value] : value;
}

function unknownName(name: string, known: readonly string[]): string {
  const shown = /^[\w.-]{1,60}$/.test(name)
    ? `"${name}" is not a setting`
    : 'there is no such setting';
  const near = nearestName(name, known);
  return near === undefined ? `${shown}.` : `${shown}. Did you mean ${near}?`;
}

function readText(file: string): string {
  let text: string;
  try {
    if (statSync(file).size > MAX_BYTES) {
      throw new UsageError(`--config is "${file}": it may be at most 1 MiB long.`);
    }
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--config is "${file}": it cannot be read.`);
  }
  return text;
}

function isReadableByOthers(file: string): boolean {
  return process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0;
}
