import type * as FastCheck from 'fast-check';
import { vi } from 'vitest';

/** `npm run check:fuzz` runs every property with that many times the examples it asks for. */
const factor = Number(process.env['COUNTERSIGN_FUZZ_FACTOR'] ?? 1);

if (factor > 1) {
  vi.doMock('fast-check', async (importOriginal) => {
    const original = await importOriginal<typeof FastCheck>();
    const more = (property: never, parameters?: { numRuns?: number }): unknown =>
      original.assert(property, {
        ...parameters,
        numRuns: (parameters?.numRuns ?? 100) * factor,
      });
    const assert = more as typeof original.assert;
    return { ...original, assert, default: { ...original.default, assert } };
  });
}
