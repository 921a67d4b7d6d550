import { describe, expect, it } from 'vitest';
import { hashPassword, verifyPassword } from '../../src/accounts/index.js';

describe('passwords', () => {
  it('are the same however their letters are composed, and otherwise exact', async () => {
    const stored = await hashPassword('caf\u00e9 noir');
    expect(await verifyPassword(stored, 'cafe\u0301 noir')).toBe(true);
    expect(await verifyPassword(stored, 'Caf\u00e9 noir')).toBe(false);
  });

  it('are salted: the same one has two hashes', async () => {
    expect(await hashPassword('same')).not.toBe(await hashPassword('same'));
  });

  it('may have 1,024 characters, all of which count', async () => {
    const longest = 'a'.repeat(1024);
    const stored = await hashPassword(longest);
    expect(await verifyPassword(stored, longest)).toBe(true);
    expect(await verifyPassword(stored, longest.slice(1))).toBe(false);
  });

  it('of unknown people never match', async () => {
    expect(await verifyPassword(undefined, 'anything')).toBe(false);
  });
});
