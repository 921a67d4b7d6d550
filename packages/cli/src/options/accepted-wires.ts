import type { Wire } from '@countersign/httpsig';
import { note } from '../terminal.js';

/** The wires a server verifies: the two that are safe, and the older one when it has been named. */
export function wiresFor(named: readonly string[] | undefined): readonly Wire[] {
  const safe: readonly Wire[] = ['rfc9421', '2026-02'];
  return named?.includes('2026-01') === true ? [...safe, '2026-01'] : safe;
}

/** {@link wiresFor}, and a warning where that is not safe. */
export function acceptedWires(named: readonly string[] | undefined): readonly Wire[] {
  const wires = wiresFor(named);
  if (wires.includes('2026-01')) {
    note(
      'WARNING: accepting the 2026-01 wire, which leaves the time unsigned: a captured request can be replayed for ever.',
    );
  }
  return wires;
}
