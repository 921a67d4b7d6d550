import type { Command } from 'commander';
import { addDatabaseOptions } from '../options/database-option.js';
import { withEnvironment } from '../options/environment.js';

export interface UserOptions {
  readonly database: string;
  readonly name?: string;
  readonly email?: string;
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

const IMPORT_HELP = `
The file is CSV whose first line names its columns, or has one JSON object a line; - is standard input. Nobody else
may be able to read it. Of username, name, email, emailVerified (true or false), password and passwordHash (argon2id)
everybody has a username and one of the last two.`;

/** `countersign user`: the people who can sign in at the auth server on the same database. */
export function addUser(program: Command): void {
  const user = program.command('user').description('people who can sign in at the auth server');
  const add = (usage: string, description: string): Command =>
    addDatabaseOptions(user.command(usage).description(description));

  const adding = add('add <username>', 'make an account')
    .option('--name <name>', 'full name, for agents that ask for the profile')
    .option('--email <address>', 'email address, for agents that ask for it')
    .addHelpText(
      'after',
      '\nThe password is asked for on a terminal, and read from standard input otherwise; or it is in\n' +
        'COUNTERSIGN_PASSWORD, or in the file that COUNTERSIGN_PASSWORD_FILE names.',
    )
    .action(async (username: string, options: UserOptions) => {
      const { addPerson } = await import('../users/add.js');
      await addPerson(username, options);
    });
  withEnvironment(adding);

  const importing = add('import <file>', 'make an account for everybody in a file, or for nobody')
    .option('--dry-run', 'say what is wrong with the file, and change nothing')
    .addHelpText('after', IMPORT_HELP)
    .action(async (file: string, options: UserOptions) => {
      const { importPeople } = await import('../users/import.js');
      await importPeople(file, options);
    });
  withEnvironment(importing);

  const listing = add('list', 'everybody, by user name')
    .option('--json', 'print JSON')
    .action(async (options: UserOptions) => {
      const { listPeople } = await import('../users/list.js');
      await listPeople(options);
    });
  withEnvironment(listing);

  for (const [verb, description] of [
    ['disable', 'end the sessions and refresh tokens of a person, who can sign in no more'],
    ['enable', 'let a person sign in again'],
  ] as const) {
    const command = add(`${verb} <username>`, description).action(
      async (username: string, options: UserOptions) => {
        const { switchPerson } = await import('../users/switch.js');
        await switchPerson(verb, username, options);
      },
    );
    if (verb === 'disable') command.option('--yes', 'do not ask');
    withEnvironment(command);
  }
}
