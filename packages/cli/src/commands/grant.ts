import type { Command } from 'commander';
import { addDatabaseOptions } from '../options/database-option.js';
import { withEnvironment } from '../options/environment.js';

export interface GrantOptions {
  readonly database: string;
  readonly user?: string;
  readonly json?: boolean;
  readonly yes?: boolean;
}

/** `countersign grant`: what agents may do, by a person's approval or by policy. */
export function addGrant(program: Command): void {
  const grant = program.command('grant').description('what agents have been granted');
  const add = (usage: string, description: string): Command =>
    addDatabaseOptions(grant.command(usage).description(description));

  const listing = add('list', 'active grants, the latest first')
    .option('--user <name>', "one person's only")
    .option('--json', 'print JSON')
    .action(async (options: GrantOptions) => {
      const { listGrants } = await import('../grants/list.js');
      await listGrants(options);
    });
  withEnvironment(listing, ['user']);

  const revoking = add('revoke <id>', 'end a grant with its refresh tokens and codes')
    .option('--yes', 'do not ask')
    // An id may begin with a hyphen.
    .allowUnknownOption()
    .addHelpText('after', '\nAuth tokens already issued live out their hour.')
    .action(async (id: string, options: GrantOptions) => {
      const { revokeGrant } = await import('../grants/revoke.js');
      await revokeGrant(id, options);
    });
  withEnvironment(revoking);
}
