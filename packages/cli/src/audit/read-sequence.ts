import { UsageError } from '../command-error.js';

/** The number of an entry, from 1. */
export function readSequence(text: string, option: string): number {
  const sequence = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (sequence >= 1) return sequence;
  throw new UsageError(`${option} is "${text}": it takes the number of an entry, from 1.`);
}
