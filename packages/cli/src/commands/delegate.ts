import type { Command } from 'commander';
import { withEnvironment } from '../options/environment.js';

export interface DelegateCommandOptions {
  readonly database: string;
  readonly json?: boolean;
  readonly yes?: boolean;
}

/** `countersign delegate`: who may act for the agent server on the same database (PROTOCOL section 5.7). */
export function addDelegateCommands(program: Command): void {
  const delegate = program
    .command('delegate')
    .description('programs elsewhere that may act for an agent server');
  const add = (usage: string, description: string): Command =>
    delegate
      .command(usage)
      .description(description)
      .option(
        '--database <url>',
        "sqlite:FILE, the agent server's",
        'sqlite:./countersign-agent.db',
      )
      .option('--json', 'print JSON');

  const adding = add('add <sub>', 'enrol a delegate and print its enrolment secret')
    .addHelpText(
      'after',
      '\nThe secret is printed this once, alone on standard output; the database keeps its SHA-256. Give it to\n' +
        '`countersign fetch --scheme jwt --agent-server URL --delegate SUB --enrolment-secret-file FILE`.\n' +
        'A name that was revoked may be added anew: what people have approved for it then holds again.',
    )
    .action(async (sub: string, options: DelegateCommandOptions) => {
      const { addDelegateWithSecret } = await import('../delegates/add.js');
      await addDelegateWithSecret(sub, options);
    });
  withEnvironment(adding);

  const listing = add('list', 'everybody, revoked ones included').action(
    async (options: DelegateCommandOptions) => {
      const { listDelegates } = await import('../delegates/list.js');
      await listDelegates(options);
    },
  );
  withEnvironment(listing);

  const revoking = add('revoke <sub>', 'issue no more agent tokens to a delegate')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nAn agent token already issued lives out its hour.')
    .action(async (sub: string, options: DelegateCommandOptions) => {
      const { revokeDelegate } = await import('../delegates/revoke.js');
      await revokeDelegate(sub, options);
    });
  withEnvironment(revoking);
}
