import { describe, expect, it } from 'vitest';
import { scheduleKeys } from '../../src/keys/key-schedule.js';

const KEEP = 3_660;
const first = { kid: 'first', activeFrom: 1_000 };
const second = { kid: 'second', activeFrom: 5_000 };

const states = (keys: readonly { kid: string; activeFrom: number }[], now: number) =>
  scheduleKeys(keys, now, KEEP).map(({ record, state }) => `${record.kid} ${state}`);

describe('signing keys that follow one another', () => {
  it.each([
    [999, ['first next', 'second next']],
    [1_000, ['first signing', 'second next']],
    [4_999, ['first signing', 'second next']],
    [5_000, ['first retired', 'second signing']],
    [5_000 + KEEP - 1, ['first retired', 'second signing']],
    [5_000 + KEEP, ['first ended', 'second signing']],
  ])('are good for one thing each at %d', (now, expected) => {
    expect(states([first, second], now)).toEqual(expected);
    expect(states([second, first], now)).toEqual(expected);
  });

  it('retire when the next one begins, not when the one after it does', () => {
    const third = { kid: 'third', activeFrom: 6_000 };
    const [retired] = scheduleKeys([first, second, third], 6_000, KEEP);
    expect(retired).toEqual({ record: first, state: 'retired', retiredAt: 5_000 });
    expect(states([first, second, third], 5_000 + KEEP)).toEqual([
      'first ended',
      'second retired',
      'third signing',
    ]);
  });

  it('are told apart by name when they begin at once, the same everywhere', () => {
    const twin = { kid: 'a', activeFrom: 1_000 };
    expect(states([first, twin], 1_000)).toEqual(['a retired', 'first signing']);
    expect(states([twin, first], 1_000)).toEqual(['a retired', 'first signing']);
  });

  it('sign by the one before it again once the one that signed has been removed', () => {
    expect(states([first], 5_001)).toEqual(['first signing']);
  });

  it('are none when there is none', () => {
    expect(states([], 0)).toEqual([]);
  });
});
