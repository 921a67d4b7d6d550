import { afterEach, describe, expect, it, vi } from 'vitest';
import { acceptedWires } from '../src/options/accepted-wires.js';

/** What was written to standard error while `work` ran, and what it returned. */
function noted<T>(work: () => T): { readonly value: T; readonly lines: readonly string[] } {
  const lines: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    lines.push(String(text));
    return true;
  });
  return { value: work(), lines };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the wires that a server verifies', () => {
  it('are the two that sign the time, with nothing to say about them', () => {
    for (const named of [undefined, []]) {
      const { value, lines } = noted(() => acceptedWires(named));
      expect(value).toEqual(['rfc9421', '2026-02']);
      expect(lines).toEqual([]);
    }
  });

  it('include 2026-01 when it is named, and say once what that means', () => {
    const { value, lines } = noted(() => acceptedWires(['2026-01']));
    expect(value).toEqual(['rfc9421', '2026-02', '2026-01']);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^WARNING: .*2026-01.*can be replayed for ever\.\n$/);
  });
});
