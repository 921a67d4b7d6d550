import type { GrantRecord } from '@countersign/auth-server';
import { displayText, TEXT_LIMITS } from '@countersign/protocol';
import { CommandError } from '../command-error.js';
import type { GrantOptions } from '../commands/grant.js';
import { withExistingStorage } from '../options/database.js';
import { out } from '../terminal.js';

/** `countersign grant list`. */
export async function listGrants({ database, user, json }: GrantOptions): Promise<void> {
  const grants = await withExistingStorage(database, async (storage) => {
    const people = new Map((await storage.users.list()).map(({ id, username }) => [id, username]));
    const person = user === undefined ? undefined : await storage.users.findByUsername(user);
    if (user !== undefined && person === undefined) {
      throw new CommandError(`There is nobody called ${user}.`);
    }
    const found =
      person === undefined
        ? await storage.grants.list()
        : await storage.grants.listForUser(person.id);
    return found.map((grant) => listed(grant, people));
  });
  if (json) out(`${JSON.stringify(grants)}\n`);
  else for (const grant of grants) out(`${grantLine(grant)}\n`);
}

/** A grant as it is listed. */
export type ListedGrant = ReturnType<typeof listed>;

const isoTime = (seconds: number): string => new Date(seconds * 1000).toISOString();

function listed(grant: GrantRecord, people: ReadonlyMap<string, string>) {
  const { id, userId, agent, delegate, audience, scope, updatedAt, purpose, endsAt } = grant;
  return {
    id,
    user: userId === null ? null : (people.get(userId) ?? null),
    agent,
    delegate,
    resource: audience,
    scope,
    approved: isoTime(updatedAt),
    /** Why, in the words of the document that was approved, if one was. */
    purpose,
    ends: endsAt === null ? null : isoTime(endsAt),
  };
}

/** One line of a terminal. The purpose is a stranger's text: without control characters, clipped, in quotation marks. */
export function grantLine(grant: ListedGrant): string {
  const { id, user, agent, delegate, resource, scope, approved, purpose, ends } = grant;
  const who = delegate === null ? agent : `${agent} (${delegate})`;
  const why = purpose === null ? '' : ` "${displayText(purpose, TEXT_LIMITS.detail)}"`;
  const until = ends === null ? '' : ` until ${ends}`;
  return `${id}  ${user ?? '(policy)'}  ${who} at ${resource}: ${scope}${why}  ${approved}${until}`;
}
