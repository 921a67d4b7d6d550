import type { InteractionRecord, InteractionStore } from './interaction-store.js';

/**
 * An interaction store in memory, for one small server: a restart ends every visit and every connection, and people are
 * asked again.
 */
export function memoryInteractionStore(): InteractionStore {
  const records = new Map<string, InteractionRecord>();
  const live = (key: string, now: number): InteractionRecord | undefined => {
    const record = records.get(key);
    return record !== undefined && record.expiresAt > now ? record : undefined;
  };
  const holds = (key: string, expected: string, now: number): InteractionRecord | undefined => {
    const record = live(key, now);
    return record?.value === expected ? record : undefined;
  };
  return {
    async put(record, { perOwner, total }, now) {
      for (const [key, { expiresAt }] of records) if (expiresAt <= now) records.delete(key);
      const others = [...records.values()].filter(
        ({ kind, key }) => kind === record.kind && key !== record.key,
      );
      const own = others.filter(({ owner }) => owner === record.owner);
      if (own.length >= perOwner || others.length >= total) return false;
      records.set(record.key, record);
      return true;
    },
    find: async (key, now) => live(key, now)?.value,
    async replace(key, expected, next, now) {
      const record = holds(key, expected, now);
      if (record !== undefined) records.set(key, { ...record, value: next });
      return record !== undefined;
    },
    async take(key, expected, now) {
      return holds(key, expected, now) !== undefined && records.delete(key);
    },
  };
}
