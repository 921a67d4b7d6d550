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
    return found.map(({ id, userId, agent, delegate, audience, scope, updatedAt }) => ({
      id,
      user: userId === null ? null : (people.get(userId) ?? null),
      agent,
      delegate,
      resource: audience,
      scope,
      approved: new Date(updatedAt * 1000).toISOString(),
    }));
  });
  if (json) {
    out(`${JSON.stringify(grants)}\n`);
    return;
  }
  for (const { id, user: name, agent, delegate, resource, scope, approved } of grants) {
    const who = delegate === null ? agent : `${agent} (${delegate})`;
    out(`${id}  ${name ?? '(policy)'}  ${who} at ${resource}: ${scope}  ${approved}\n`);
  }
}
