import type { Command } from 'commander';
import { addDatabaseOptions } from '../options/database-option.js';
import { withEnvironment } from '../options/environment.js';

export interface AuditOptions {
  readonly database: string;
}

export interface AuditListOptions extends AuditOptions {
  readonly limit: string;
  readonly since?: string;
  readonly until?: string;
  readonly act?: string;
  readonly user?: string;
  readonly operator?: string;
  readonly agent?: string;
  readonly resource?: string;
  readonly grant?: string;
  readonly token?: string;
  readonly request?: string;
  readonly json?: boolean;
}

export interface AuditExportOptions extends AuditOptions {
  readonly from?: string;
}

export interface AuditVerifyOptions extends AuditOptions {
  readonly head?: readonly string[];
}

export interface AuditPruneOptions extends AuditOptions {
  readonly before: string;
  readonly yes?: boolean;
}

/** Servers and `COUNTERSIGN_OPERATOR` have variables of these names. */
const SELECTING = [
  'limit',
  'since',
  'until',
  'act',
  'user',
  'operator',
  'agent',
  'resource',
  'grant',
  'token',
  'request',
];

/** `countersign audit`: what the auth server on the same database has decided, and who administered it. */
export function addAudit(program: Command): void {
  const audit = program.command('audit').description('who decided what, kept in a chain of hashes');
  const add = (usage: string, description: string): Command =>
    addDatabaseOptions(audit.command(usage).description(description));
  withEnvironment(
    add('list', 'the latest entries, the latest last')
      .option('--limit <number>', 'how many at most', '50')
      .option(
        '--since <time>',
        'made then or later: a date, a time, or how long ago as 30m, 12h, 90d',
      )
      .option('--until <time>', 'made before then')
      .option('--act <name>', 'what was done, as access-granted')
      .option('--user <name>', 'about or by this person')
      .option('--operator <name>', 'by who administered')
      .option('--agent <url>', 'about this agent')
      .option('--resource <url>', 'about this resource')
      .option('--grant <id>', 'about this grant')
      .option('--token <jti>', 'about the token of this id, and those it was exchanged for')
      .option('--request <id>', 'of this request')
      .option('--json', 'print JSON, an entry a line')
      .addHelpText(
        'after',
        '\nWho administers is taken from COUNTERSIGN_OPERATOR, or from the user of the system.',
      )
      .action(async (options: AuditListOptions) => {
        const { listAudit } = await import('../audit/list.js');
        await listAudit(options);
      }),
    SELECTING,
  );
  withEnvironment(
    add('export', 'print the whole trail, an entry a line, for keeping elsewhere')
      .option('--from <sequence>', 'from this entry on, to add to an earlier export')
      .action(async (options: AuditExportOptions) => {
        const { exportAudit } = await import('../audit/export.js');
        await exportAudit(options);
      }),
  );
  withEnvironment(
    add('verify [file]', 'check that nothing in the trail, or in an export of it, was changed')
      .option(
        '--head <sequence:hash...>',
        'what an earlier verify, or the log, said: shows that the end was not cut off and nothing written anew',
      )
      .addHelpText('after', '\nExit code 1 when something was changed.')
      .action(async (file: string | undefined, options: AuditVerifyOptions) => {
        const { verifyAudit } = await import('../audit/verify.js');
        await verifyAudit(file, options);
      }),
  );
  withEnvironment(
    add('prune', 'delete old entries; what stays can still be verified')
      .requiredOption(
        '--before <time>',
        'those made before: a date, a time, or how long ago as 400d',
      )
      .option('--yes', 'do not ask')
      .action(async (options: AuditPruneOptions) => {
        const { pruneAudit } = await import('../audit/prune.js');
        await pruneAudit(options);
      }),
  );
}
