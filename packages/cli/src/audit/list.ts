import {
  AUDIT_ACTS,
  type AuditAct,
  type AuditEntry,
  type ChainedEntry,
  readTrail,
  type Storage,
} from '@countersign/auth-server';
import { systemClock } from '@countersign/protocol';
import { CommandError, UsageError } from '../command-error.js';
import type { AuditListOptions } from '../commands/audit.js';
import { withExistingStorage } from '../options/database.js';
import { readTime } from '../options/time.js';
import { out } from '../terminal.js';
import { entryLine } from './entry-line.js';

const MOST = 100_000;

interface Listed {
  readonly sequence: number;
  readonly hash: string;
  readonly entry: AuditEntry;
}

type Wanted = (entry: AuditEntry) => boolean;

/** `countersign audit list`. */
export async function listAudit(options: AuditListOptions): Promise<void> {
  const limit = readLimit(options.limit);
  await withExistingStorage(options.database, async (storage) => {
    const people = new Map((await storage.users.list()).map(({ id, username }) => [id, username]));
    await storage.audit.seal();
    const listed = await latest(storage, limit, await selection(storage, options));
    for (const { sequence, hash, entry } of listed) {
      out(
        options.json
          ? `${JSON.stringify({ sequence, hash, entry })}\n`
          : `${entryLine(sequence, entry, people)}\n`,
      );
    }
  });
}

function readLimit(text: string): number {
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MOST) return limit;
  throw new UsageError(`--limit is "${text}": it takes a number from 1 to ${MOST}.`);
}

interface Selection {
  readonly since: number | undefined;
  readonly wanted: Wanted | undefined;
}

async function selection(storage: Storage, options: AuditListOptions): Promise<Selection> {
  const now = systemClock();
  const { act, operator, agent, resource, grant, token, request, user } = options;
  const since = options.since === undefined ? undefined : readTime(options.since, '--since', now);
  const until = options.until === undefined ? undefined : readTime(options.until, '--until', now);
  if (act !== undefined && !isAct(act)) {
    throw new UsageError(`--act is "${act}": it takes one of ${AUDIT_ACTS.join(', ')}.`);
  }
  const person = user === undefined ? undefined : await storage.users.findByUsername(user);
  if (user !== undefined && person === undefined) {
    throw new CommandError(`There is nobody called ${user}.`);
  }
  const asked: Partial<AuditEntry> = {
    ...(act === undefined ? {} : { act }),
    ...(operator === undefined ? {} : { operator }),
    ...(agent === undefined ? {} : { agent }),
    ...(resource === undefined ? {} : { audience: resource }),
    ...(grant === undefined ? {} : { grant }),
    ...(request === undefined ? {} : { request }),
    ...(person === undefined ? {} : { account: person.id }),
  };
  const members = Object.entries(asked) as [keyof AuditEntry, string][];
  if (members.length === 0 && token === undefined && since === undefined && until === undefined) {
    return { since, wanted: undefined };
  }
  return {
    since,
    wanted: (entry) =>
      members.every(([name, value]) => entry[name] === value) &&
      (token === undefined || entry.token === token || entry.parentToken === token) &&
      (since === undefined || entry.time >= since) &&
      (until === undefined || entry.time < until),
  };
}

const isAct = (name: string): name is AuditAct => AUDIT_ACTS.some((one) => one === name);

/** The last `limit` of those that are wanted. */
async function latest(
  storage: Storage,
  limit: number,
  { since, wanted }: Selection,
): Promise<readonly Listed[]> {
  const { sequence: last } = await storage.audit.head();
  const { sequence: start } = await storage.audit.start();
  const from =
    wanted === undefined
      ? Math.max(start, last - limit) + 1
      : since === undefined
        ? start + 1
        : await storage.audit.firstSince(since);
  const found: Listed[] = [];
  if (from === undefined) return found;
  for await (const chained of readTrail(storage, from)) {
    const entry = entryOf(chained);
    if (wanted !== undefined && !wanted(entry)) continue;
    const { sequence, hash } = chained;
    found.push({ sequence, hash, entry });
    if (found.length > limit) found.shift();
  }
  return found;
}

/** What somebody wrote into the database by hand is shown as far as it can be; `verify` says what is wrong with it. */
function entryOf({ text, recordedAt }: ChainedEntry): AuditEntry {
  return { ...membersOf(text), time: recordedAt };
}

function membersOf(text: string): Omit<AuditEntry, 'time'> {
  const unreadable = { act: 'unreadable', by: 'unknown' } as unknown as AuditEntry;
  try {
    const value = JSON.parse(text) as Partial<AuditEntry> | null;
    const isEntry = typeof value?.act === 'string' && typeof value.by === 'string';
    return isEntry ? { ...unreadable, ...value } : unreadable;
  } catch {
    return unreadable;
  }
}
