import { isJsonObject } from '@countersign/protocol';
import type { AuditHead, ChainedEntry } from './audit-entry.js';
import { timeOf } from './verify-trail.js';

/**
 * An entry as a line of an export: JSON, with the hash before it, so that any part of a trail can be verified alone. Under
 * `entry` stands the entry; for a text of another spelling, which somebody wrote into the database by hand, under `text` that.
 */
export function trailLine({ sequence, hash, text }: ChainedEntry, previous: string): string {
  const entry = parsed(text);
  const content = isJsonObject(entry) && JSON.stringify(entry) === text ? { entry } : { text };
  return `${JSON.stringify({ sequence, previous, hash, ...content })}\n`;
}

/** A line of an export that was read back. */
export interface ReadTrailLine {
  readonly entry: ChainedEntry;
  /** What the line says comes before it. */
  readonly previous: AuditHead;
}

/** Undefined for what is no such line. Whether it is sound is for `verifyAuditTrail` to say. */
export function readTrailLine(line: string): ReadTrailLine | undefined {
  const value = parsed(line);
  if (!isJsonObject(value)) return undefined;
  const { sequence, previous, hash, entry } = value;
  const text = isJsonObject(entry) ? JSON.stringify(entry) : value['text'];
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 1) {
    return undefined;
  }
  if (typeof previous !== 'string' || typeof hash !== 'string' || typeof text !== 'string') {
    return undefined;
  }
  return {
    entry: { sequence, hash, text, recordedAt: timeOf(text) },
    previous: { sequence: sequence - 1, hash: previous },
  };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
