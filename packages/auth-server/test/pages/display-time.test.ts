import { describe, expect, it } from 'vitest';
import { inWords, moment } from '../../src/pages/display-time.js';

describe('a duration in words', () => {
  it('is rounded up, so that waiting that long is enough', () => {
    expect([0, 1, 59, 60, 61, 3599, 3600, 7201, 90_000].map(inWords)).toEqual([
      '1 second',
      '1 second',
      '59 seconds',
      '1 minute',
      '2 minutes',
      '60 minutes',
      '1 hour',
      '3 hours',
      '2 days',
    ]);
  });
});

describe('a moment in words', () => {
  it('is the same wherever the server stands', () => {
    expect(moment(1_804_075_200)).toEqual({
      words: '3 March 2027, 12:00 UTC',
      iso: '2027-03-03T12:00:00.000Z',
    });
  });

  it('is absent when no calendar can hold it', () => {
    for (const seconds of [Infinity, NaN, 8.65e12, -8.65e12])
      expect(moment(seconds)).toBeUndefined();
    expect(moment(8.64e12)?.words).toBe('13 September 275760, 00:00 UTC');
  });
});
