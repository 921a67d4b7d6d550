import { isJsonObject } from '@countersign/protocol';
import type { AuditHead, ChainedEntry } from './audit-entry.js';
import { timeOf } from './verify-trail.js';

/** An entry as a line of an export: JSON, with the hash before it, so that any part of a trail can be verified alone. */
export function trailLine({ sequence, hash, text }: ChainedEntry, previous: string): string {
  const place = JSON.stringify({ sequence, previous, hash });
  return `${place.slice(0, -1)},"entry":${text}}\n`;
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
  if (!isJsonObject(value) || !isJsonObject(value['entry'])) return undefined;
  const { sequence, previous, hash, entry } = value;
  if (typeof sequence !== 'number' || !Number.isSafeInteger(sequence) || sequence < 1)
    return undefined;
  if (typeof previous !== 'string' || typeof hash !== 'string') return undefined;
  const text = JSON.stringify(entry);
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
