import { createHash } from 'node:crypto';
import type { AuditHead } from './audit-entry.js';

/** What comes before the first entry. */
export const CHAIN_START: AuditHead = { sequence: 0, hash: '' };

/**
 * The hash of an entry: SHA-256, base64url, over three lines of UTF-8, each ended by a line feed: the hash of the entry
 * before it (empty for the first), its own sequence in decimal, and its text.
 */
export function chainHash(previousHash: string, sequence: number, text: string): string {
  return createHash('sha256').update(`${previousHash}\n${sequence}\n${text}\n`).digest('base64url');
}
