import { createAccount, openStorage, type Storage } from '@countersign/auth-server';
import { randomSecret, systemClock, systemRandom } from '@countersign/protocol';
import type { Command } from 'commander';
import { createInterface } from 'node:readline/promises';
import { CommandError } from '../command-error.js';
import { out } from '../terminal.js';
import { withEnvironment } from './option-environment.js';

interface Options {
  readonly database: string;
  readonly name?: string;
  readonly email?: string;
  readonly password?: string;
  readonly json?: boolean;
}

const REFUSALS: Readonly<Record<string, string>> = {
  'username-invalid': 'That user name has characters that cannot be seen, or is too long.',
  'username-taken': 'That user name is taken.',
  'password-too-short': 'The password must have at least 8 characters.',
  'password-too-long': 'The password may have at most 1024 characters.',
};

/** From `COUNTERSIGN_PASSWORD`, a file, or standard input: never from the command line, where others can see it. */
async function readPassword(given: string | undefined): Promise<string> {
  if (given !== undefined) return given;
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await reader.question(process.stdin.isTTY ? 'Password (will be shown): ' : '');
  } finally {
    reader.close();
  }
}

async function withStorage<T>(url: string, use: (storage: Storage) => Promise<T>): Promise<T> {
  const storage = await openStorage(url);
  try {
    return await use(storage);
  } finally {
    await storage.close();
  }
}

/** `countersign user`: the people who can sign in at the auth server on the same database. */
export function addUser(program: Command): void {
  const user = program.command('user').description('people who can sign in at the auth server');
  const add = user
    .command('add')
    .description('make an account; the password is read from standard input')
    .argument('<username>')
    .option('--database <url>', 'sqlite:FILE', 'sqlite:./countersign.db')
    .option('--name <name>', 'full name, for agents that ask for the profile')
    .option('--email <address>', 'email address, for agents that ask for it')
    .action(async (username: string, options: Options) => {
      const { name, email } = options;
      const password = await readPassword(process.env['COUNTERSIGN_PASSWORD']);
      await withStorage(options.database, async (storage) => {
        const result = await createAccount(storage, {
          id: randomSecret(systemRandom, 128),
          subject: randomSecret(systemRandom, 128),
          username,
          password,
          now: systemClock(),
          ...(name === undefined ? {} : { name }),
          ...(email === undefined ? {} : { email }),
        });
        if (result.outcome === 'refused') {
          throw new CommandError(REFUSALS[result.reason] ?? result.reason);
        }
        out(`${result.user.username} can sign in now.\n`);
      });
    });
  withEnvironment(add);
  const list = user
    .command('list')
    .description('everybody, by user name')
    .option('--database <url>', 'sqlite:FILE', 'sqlite:./countersign.db')
    .option('--json', 'print JSON')
    .action(async (options: Options) => {
      await withStorage(options.database, async (storage) => {
        const people = (await storage.users.list()).map(({ username, subject, disabledAt }) => ({
          username,
          subject,
          disabled: disabledAt !== null,
        }));
        if (options.json) out(`${JSON.stringify(people)}\n`);
        else
          for (const one of people) out(`${one.username}${one.disabled ? '  (disabled)' : ''}\n`);
      });
    });
  withEnvironment(list);
  for (const [verb, description] of [
    ['disable', 'end the sessions and refresh tokens of a person, who can sign in no more'],
    ['enable', 'let a person sign in again'],
  ] as const) {
    const command = user
      .command(verb)
      .description(description)
      .argument('<username>')
      .option('--database <url>', 'sqlite:FILE', 'sqlite:./countersign.db')
      .action(async (username: string, options: Options) => {
        await withStorage(options.database, async (storage) => {
          const person = await storage.users.findByUsername(username);
          if (person === undefined) throw new CommandError(`There is nobody called ${username}.`);
          if (verb === 'disable') await storage.users.disable(person.id, systemClock());
          else await storage.users.enable(person.id);
          out(`${person.username} is ${verb}d.\n`);
        });
      });
    withEnvironment(command);
  }
}
