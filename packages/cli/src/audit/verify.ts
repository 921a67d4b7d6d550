import {
  type AuditHead,
  type ChainedEntry,
  readTrail,
  readTrailLine,
  type TrailFault,
  type TrailReport,
  verifyAuditTrail,
} from '@countersign/auth-server';
import { open } from 'node:fs/promises';
import { CommandError, UsageError } from '../command-error.js';
import type { AuditVerifyOptions } from '../commands/audit.js';
import { withExistingStorage } from '../options/database.js';
import { note, out } from '../terminal.js';

/** `countersign audit verify`: of the database, or of an export. */
export async function verifyAudit(
  file: string | undefined,
  { database, head = [] }: AuditVerifyOptions,
): Promise<void> {
  const noted = head.map(readHead);
  const report =
    file === undefined ? await verifyDatabase(database, noted) : await verifyFile(file, noted);
  for (const { sequence } of report.before) {
    note(
      `Entry ${sequence}, whose hash you gave, is before the first one here: it was not checked.`,
    );
  }
  const { entries, fault } = report;
  const { sequence, hash } = report.head;
  if (fault !== undefined) {
    throw new CommandError(`${sayFault(fault)} ${counted(entries)} before that: sound.`);
  }
  out(`${counted(entries)}, all sound. Keep this elsewhere: --head ${sequence}:${hash}\n`);
}

const counted = (entries: number): string => `${entries} ${entries === 1 ? 'entry' : 'entries'}`;

async function verifyDatabase(url: string, noted: readonly AuditHead[]): Promise<TrailReport> {
  return await withExistingStorage(url, async (storage) => {
    const { audit } = storage;
    await audit.seal();
    for (;;) {
      const start = await audit.start();
      const report = await verifyAuditTrail(readTrail(storage), start, noted);
      // Somebody pruned it meanwhile: what is missing then is no fault.
      if (report.fault !== undefined && (await audit.start()).sequence > start.sequence) continue;
      if (start.sequence > 0) note(`Entries 1 to ${start.sequence} were pruned.`);
      return report;
    }
  });
}

async function verifyFile(file: string, noted: readonly AuditHead[]): Promise<TrailReport> {
  const lines = await linesOf(file);
  const first = await lines.next();
  if (first.done === true) throw new UsageError(`${file} has no entry in it.`);
  const start = readLine(first.value, file, 1).previous;
  async function* entries(): AsyncGenerator<ChainedEntry, void> {
    let number = 1;
    yield readLine(first.value ?? '', file, number).entry;
    for await (const line of lines) yield readLine(line, file, ++number).entry;
  }
  return await verifyAuditTrail(entries(), start, noted);
}

async function linesOf(file: string): Promise<AsyncGenerator<string, void>> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${file} cannot be read (${error.code}).`);
  });
  async function* lines(): AsyncGenerator<string, void> {
    yield* handle.readLines();
  }
  return lines();
}

function readLine(line: string, file: string, number: number) {
  const read = readTrailLine(line);
  if (read !== undefined) return read;
  throw new CommandError(
    `${file}, line ${number}, is no entry: it takes what \`countersign audit export\` printed.`,
  );
}

function readHead(text: string): AuditHead {
  const [, sequence, hash] = /^(\d{1,15}):([\w-]{43})$/.exec(text) ?? [];
  if (sequence !== undefined && hash !== undefined) return { sequence: Number(sequence), hash };
  throw new UsageError(
    `--head is "${text}": it takes a number and a hash, as \`countersign audit verify\` printed them.`,
  );
}

function sayFault({ kind, sequence }: TrailFault): string {
  switch (kind) {
    case 'missing':
      return `Entry ${sequence} is missing or out of order.`;
    case 'altered':
      return `Entry ${sequence}, or the hash of the one before it, was changed.`;
    case 'replaced':
      return `Entry ${sequence} is not the one whose hash you gave: the trail was written anew.`;
    case 'cut-off':
      return `The trail ends before entry ${sequence}, and an entry that came later was known once: its end was cut off, or this is an older copy.`;
  }
}
