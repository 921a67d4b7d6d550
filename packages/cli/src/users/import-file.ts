import { readFileSync, statSync } from 'node:fs';
import { isJsonObject, type JsonObject, parseStrictJson } from '@countersign/protocol';
import { CommandError } from '../command-error.js';
import { parseCsv } from './csv.js';

/** A person as a line of the file has it, with every member as it was written. */
export interface ImportedPerson {
  readonly line: number;
  readonly members: JsonObject;
}

/** What an import file says. Problems are sentences that begin with their line. */
export interface ImportFile {
  readonly people: readonly ImportedPerson[];
  readonly problems: readonly Problem[];
}

export interface Problem {
  readonly line: number;
  readonly text: string;
}

export const COLUMNS = [
  'username',
  'name',
  'email',
  'emailVerified',
  'password',
  'passwordHash',
] as const;

const MAX_BYTES = 16 * 1024 * 1024;

/** The text of a file that nobody else may read, or of standard input for `-`. */
export async function readImport(file: string): Promise<string> {
  if (file === '-') return await readStandardInput();
  let mode: number;
  let size: number;
  try {
    ({ mode, size } = statSync(file));
    if (size <= MAX_BYTES) {
      const text = readFileSync(file, 'utf8');
      if (process.platform === 'win32' || (mode & 0o077) === 0) return text;
    }
  } catch {
    throw new CommandError(`${file} cannot be read.`);
  }
  throw new CommandError(
    size > MAX_BYTES
      ? `${file} is larger than 16 MiB: import it in parts.`
      : `Others may read ${file}, which holds passwords: chmod 600 ${file}`,
  );
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer | string>) {
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
    if (size > MAX_BYTES) throw new CommandError('More than 16 MiB came on standard input.');
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Reads CSV with a line of names first, or one JSON object a line: what begins with `{` is JSON. */
export function parseImport(text: string): ImportFile {
  const content = text.replace(/^\uFEFF/, '');
  return content.trimStart().startsWith('{') ? parseJsonLines(content) : parsePeople(content);
}

function parseJsonLines(text: string): ImportFile {
  const people: ImportedPerson[] = [];
  const problems: Problem[] = [];
  for (const [index, written] of text.split(/\r?\n/).entries()) {
    if (written.trim() === '') continue;
    const line = index + 1;
    const members = parseStrictJson(written);
    if (!isJsonObject(members)) {
      problems.push({ line, text: 'it must be a JSON object, with no member twice.' });
      continue;
    }
    for (const name of Object.keys(members)) {
      if (!isColumn(name)) problems.push({ line, text: unknown(name) });
    }
    people.push({ line, members });
  }
  return { people, problems };
}

function parsePeople(text: string): ImportFile {
  const [header, ...records] = parseCsv(text);
  if (header === undefined) return { people: [], problems: [] };
  const problems: Problem[] = [];
  const names = header.fields.map((name) => name.trim());
  if (header.problem !== undefined)
    problems.push({ line: header.line, text: `${header.problem}.` });
  for (const [index, name] of names.entries()) {
    if (!isColumn(name)) problems.push({ line: header.line, text: unknown(name) });
    else if (names.indexOf(name) < index) {
      problems.push({ line: header.line, text: `there are two columns ${name}.` });
    }
  }
  // Without its columns nothing that follows means anything.
  if (problems.length > 0) return { people: [], problems };
  const people = records.flatMap(({ line, fields, problem }) => {
    if (problem === undefined && fields.length === names.length) {
      const given = names.flatMap((name, index) => {
        const value = fields[index] ?? '';
        return value === '' ? [] : [[name, fromText(name, value)] as const];
      });
      return [{ line, members: Object.fromEntries(given) }];
    }
    const count = `it has ${fields.length} fields, and the first line ${names.length}`;
    problems.push({ line, text: `${problem ?? count}.` });
    return [];
  });
  return { people, problems };
}

function fromText(name: string, value: string): string | boolean {
  if (name !== 'emailVerified') return value;
  return value === 'true' ? true : value === 'false' ? false : value;
}

const isColumn = (name: string): boolean => COLUMNS.some((one) => one === name);

/** What stands in place of a name may be a password: it is not repeated unless it looks like one. */
function unknown(name: string): string {
  const shown = /^[A-Za-z][A-Za-z_ -]{0,30}$/.test(name)
    ? `"${name}" is`
    : 'there is something that is';
  return `${shown} none of ${COLUMNS.join(', ')}.`;
}
