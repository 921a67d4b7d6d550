import { systemClock } from '@countersign/protocol';
import { CommandError } from '../command-error.js';
import type { DelegateCommandOptions } from '../commands/delegate.js';
import { confirmed } from '../options/confirmed.js';
import { withAgentDatabase } from '../options/agent-database.js';
import { out } from '../terminal.js';

/** `countersign delegate revoke`. */
export async function revokeDelegate(
  sub: string,
  { database, json, yes }: DelegateCommandOptions,
): Promise<void> {
  const now = systemClock();
  await withAgentDatabase(database, { mustExist: true }, async ({ delegates }) => {
    const known = await delegates.list();
    if (known.some(({ delegate, revokedAt }) => delegate === sub && revokedAt === undefined)) {
      await confirmed(yes, `The enrolment secret of ${sub} is worth nothing from then on.`);
      if (await delegates.revoke(sub, now)) return;
    }
    throw new CommandError(
      `There is no delegate ${sub} that could be revoked; countersign delegate list shows them.`,
    );
  });
  out(
    json
      ? `${JSON.stringify({ delegate: sub, revoked: new Date(now * 1000).toISOString() })}\n`
      : `${sub} gets no more agent tokens. One already issued lives out its hour.\n`,
  );
}
