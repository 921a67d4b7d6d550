import type { DelegateCommandOptions } from '../commands/delegate.js';
import { withAgentDatabase } from '../options/agent-database.js';
import { out } from '../terminal.js';

const time = (seconds: number): string => new Date(seconds * 1000).toISOString();

/** `countersign delegate list`. Secrets are not in it: nobody has them. */
export async function listDelegates({ database, json }: DelegateCommandOptions): Promise<void> {
  const records = await withAgentDatabase(database, { mustExist: true }, ({ delegates }) =>
    delegates.list(),
  );
  const shown = records.map(({ delegate, createdAt, revokedAt }) => ({
    delegate,
    added: time(createdAt),
    revoked: revokedAt === undefined ? null : time(revokedAt),
  }));
  if (json) {
    out(`${JSON.stringify(shown)}\n`);
    return;
  }
  for (const { delegate, added, revoked } of shown) {
    out(`${delegate}  added ${added}${revoked === null ? '' : `  revoked ${revoked}`}\n`);
  }
}
