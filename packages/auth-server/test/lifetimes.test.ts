import { describe, expect, it } from 'vitest';
import { DEFAULT_LIFETIMES, type Lifetimes } from '../src/index.js';
import { readLifetimes } from '../src/lifetimes.js';

const DAY = 86_400;

describe('lifetimes', () => {
  it('are the defaults where nothing else is said', () => {
    expect(readLifetimes()).toEqual(DEFAULT_LIFETIMES);
    expect(readLifetimes({ code: 30 })).toEqual({ ...DEFAULT_LIFETIMES, code: 30 });
  });

  const ranges: readonly (readonly [keyof Lifetimes, number])[] = [
    ['authToken', DAY],
    ['requestToken', DAY],
    ['code', 600],
    ['session', 366 * DAY],
    ['refreshIdle', 3660 * DAY],
    ['refreshAbsolute', 3660 * DAY],
  ];
  it.each(ranges)('of %s are whole seconds, from 1 to %d', (name, most) => {
    for (const value of [1, most]) expect(readLifetimes({ [name]: value })[name]).toBe(value);
    for (const value of [0, -1, most + 1, 1.5, NaN, Infinity, '60']) {
      expect(() => readLifetimes({ [name]: value })).toThrow(
        `lifetimes.${name} must be whole seconds, from 1 to ${most}.`,
      );
    }
  });
});
