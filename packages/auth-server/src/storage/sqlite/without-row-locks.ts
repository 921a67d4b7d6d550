import type { KyselyPlugin, SelectModifierNode } from 'kysely';

/** Leaves out `for share` and `for no key update`: SQLite has one writer, whose reads nobody changes. */
export const withoutRowLocks: KyselyPlugin = {
  transformQuery: ({ node }) => {
    if (node.kind !== 'SelectQueryNode' || node.endModifiers === undefined) return node;
    return { ...node, endModifiers: node.endModifiers.filter((modifier) => !isLock(modifier)) };
  },
  transformResult: async ({ result }) => result,
};

function isLock({ modifier }: SelectModifierNode): boolean {
  return modifier === 'ForShare' || modifier === 'ForNoKeyUpdate';
}
