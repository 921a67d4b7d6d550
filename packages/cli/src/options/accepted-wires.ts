import type { Wire } from '@countersign/httpsig';
import { note } from '../terminal.js';

/** The wires a server verifies: the two that are safe, and the older one when it has been named. */
export function acceptedWires(named: readonly string[] | undefined): readonly Wire[] {
  if (named?.includes('2026-01') !== true) return ['rfc9421', '2026-02'];
  note(
    'WARNING: accepting the 2026-01 wire, which leaves the time unsigned: a captured request can be replayed for ever.',
  );
  return ['rfc9421', '2026-02', '2026-01'];
}
