import { describe, expect, it } from 'vitest';
import { profileWith, signingProfile } from '../src/exploratory/signing-profile.js';

describe("a receiver's allowance for clocks", () => {
  it('is that of expires too, 10 seconds unless it says otherwise', () => {
    expect(profileWith(undefined)).toBe(signingProfile);
    expect(signingProfile.skewSeconds).toBe(10);
    expect(profileWith(25)).toEqual({ ...signingProfile, skewSeconds: 25 });
  });

  it.each([
    [3600, 60],
    [-5, 0],
    [0, 0],
  ])('given as %i is %i seconds', (given, held) => {
    expect(profileWith(given).skewSeconds).toBe(held);
  });

  it('that is not a number allows nothing', () => {
    expect(profileWith(Number.NaN).skewSeconds).toBeNaN();
  });
});
