import {
  authorizationDetailsOf,
  canonicalJson,
  detailsCover,
  readAuthorizationDetails,
} from '@countersign/protocol';
import { describe, expect, it } from 'vitest';

const payment = { type: 'payment', amount: '20.00', to: { name: 'Ada', account: ['X', 'Y'] } };

describe('approved details', () => {
  it('cover the same details, whatever the order of members and details', () => {
    const approved = [{ type: 'other' }, payment];
    const wanted = [{ to: { account: ['X', 'Y'], name: 'Ada' }, amount: '20.00', type: 'payment' }];
    expect(detailsCover(approved, wanted)).toBe(true);
    expect(detailsCover(approved, [])).toBe(true);
    expect(detailsCover(approved, [payment, payment])).toBe(true);
  });

  it.each<[string, Record<string, unknown>]>([
    ['another value', { ...payment, amount: '20.01' }],
    ['a number in place of a text', { ...payment, amount: 20 }],
    ['a member more', { ...payment, recurring: false }],
    ['a member less', { type: 'payment', amount: '20.00' }],
    ['a list in another order', { ...payment, to: { name: 'Ada', account: ['Y', 'X'] } }],
    ['another type', { ...payment, type: 'transfer' }],
  ])('do not cover %s', (_title, wanted) => {
    expect(detailsCover([payment], [wanted as typeof payment])).toBe(false);
    expect(detailsCover([payment], [payment, wanted as typeof payment])).toBe(false);
  });

  it('are none where the claim is not what it should be', () => {
    expect(authorizationDetailsOf({ claims: { authorization_details: [payment] } })).toEqual([
      payment,
    ]);
    for (const claim of [undefined, null, payment, [], [payment, 1], 'payment']) {
      expect(authorizationDetailsOf({ claims: { authorization_details: claim } })).toEqual([]);
    }
  });

  it('are at most 3,072 bytes of JSON', () => {
    const sized = (length: number) => [{ type: 'a', text: 'x'.repeat(length) }];
    const frame = JSON.stringify(sized(0)).length;
    expect(readAuthorizationDetails(sized(3072 - frame))).toBeDefined();
    expect(readAuthorizationDetails(sized(3073 - frame))).toBeUndefined();
  });
});

it('canonical JSON is one text for equal values, and still JSON', () => {
  const value = { b: [1, { d: null, c: 'é"' }], a: undefined };
  expect(canonicalJson(value)).toBe('{"b":[1,{"c":"é\\"","d":null}]}');
  expect(JSON.parse(canonicalJson(payment))).toEqual(payment);
});
