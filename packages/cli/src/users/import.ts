import {
  type AccountToImport,
  checkAccounts,
  importAccounts,
  type ImportRefusal,
} from '@countersign/auth-server';
import { randomSecret, systemClock, systemRandom } from '@countersign/protocol';
import { CommandError } from '../command-error.js';
import type { UserOptions } from '../commands/user.js';
import { withExistingStorage, withStorage } from '../options/database.js';
import { out } from '../terminal.js';
import { type ImportedPerson, parseImport, type Problem, readImport } from './import-file.js';
import { checkPerson } from './import-person.js';
import { ACCOUNT_REFUSALS } from './refusals.js';

const MOST_TOLD = 100;

/** `countersign user import`: everybody in the file, or nobody. */
export async function importPeople(file: string, options: UserOptions): Promise<void> {
  const { people, problems } = parseImport(await readImport(file));
  const checked = people.map(checkPerson);
  const found = [...problems, ...checked.flatMap((one) => one.problems)];
  if (people.length === 0 && found.length === 0) throw new CommandError(`${file} names nobody.`);
  const accounts = checked.map(({ account }): AccountToImport => ({
    id: randomSecret(systemRandom, 128),
    subject: randomSecret(systemRandom, 128),
    ...account,
  }));
  const open = options.dryRun === true ? withExistingStorage : withStorage;
  await open(options.database, async (storage) => {
    const refusals =
      options.dryRun === true || found.length > 0
        ? await checkAccounts(storage, accounts)
        : await importAccounts(storage, accounts, systemClock());
    refuse(file, [...found, ...refusals.flatMap((one) => told(one, people, checked))]);
  });
  const count = `${people.length} ${people.length === 1 ? 'person' : 'people'}`;
  out(options.dryRun === true ? `${count} can be imported.\n` : `${count} can sign in now.\n`);
}

/** A refusal with its line, unless what it is about is missing and has been told already. */
function told(
  { index, reason, first }: ImportRefusal,
  people: readonly ImportedPerson[],
  checked: readonly ReturnType<typeof checkPerson>[],
): readonly Problem[] {
  const line = people[index]?.line ?? 0;
  const about = reason.startsWith('username') ? 'username' : 'secret';
  if (checked[index]?.missing.includes(about) === true) return [];
  const text =
    reason === 'username-twice'
      ? `its user name stands on line ${people[first ?? 0]?.line} already.`
      : ACCOUNT_REFUSALS[reason];
  return [{ line, text }];
}

function refuse(file: string, problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const name = file === '-' ? 'standard input' : file;
  const things = problems.length === 1 ? 'One thing is' : `${problems.length} things are`;
  const lines = problems
    .toSorted((one, other) => one.line - other.line)
    .slice(0, MOST_TOLD)
    .map(({ line, text }) => `  - line ${line}: ${text}`);
  const more = problems.length - lines.length;
  if (more > 0) lines.push(`  and ${more} more`);
  throw new CommandError(
    `${things} wrong with ${name}, and nobody has been imported:\n${lines.join('\n')}`,
  );
}
