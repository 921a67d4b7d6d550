import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusalOf } from '../kit.js';
import { holderOf, issue, issueCa, issueRoot, pemOf, thumbprintOf } from './authority.js';
import { PEM_TYPE, receiveChain, receiver, wireOf, X5U } from './receiver.js';

const root = issueRoot();
const ca = issueCa(root);
const leaf = issue(ca, {});
const answer = await wireOf(await refusalOf(receiver([root]).receive(await holderOf(leaf, X5U))));

/** Whatever is published, a request that names the first certificate in it gets the one answer. */
async function refusedAlike(
  body: string | Uint8Array,
  named: Uint8Array = leaf.der,
): Promise<void> {
  const der = Uint8Array.from(named);
  const error = await refusalOf(receiveChain([root], { ...leaf, der }, body));
  expect(error.code).toBe('invalid_signature');
  expect(await wireOf(error)).toBe(answer);
}

describe('nothing that is published instead of a chain is thrown as anything but a refusal', () => {
  it('not arbitrary bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), (bytes) => refusedAlike(bytes)),
      { numRuns: 100 },
    );
  });

  it('not arbitrary bytes as a certificate', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 400 }), (bytes) =>
        refusedAlike(pemOf(bytes), bytes),
      ),
      { numRuns: 100 },
    );
  });

  it('not a leaf with arbitrary bytes changed in it', async () => {
    const { length } = leaf.der;
    const change = fc.tuple(fc.nat({ max: length - 1 }), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const der = Uint8Array.from(leaf.der);
        // Added up, so that two changes of one byte may undo each other: then there is nothing to refuse.
        for (const [at, by] of changes) der.set([(der[at]! + by) & 255], at);
        if (thumbprintOf(der) === thumbprintOf(leaf.der)) return;
        await refusedAlike(pemOf(der) + ca.pem, der);
      }),
      { numRuns: 400 },
    );
  });

  it('not an intermediate with an arbitrary byte changed in it', async () => {
    const { length } = ca.der;
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: length - 1 }),
        fc.integer({ min: 1, max: 255 }),
        async (at, by) => {
          const der = Uint8Array.from(ca.der);
          der.set([(der[at]! + by) & 255], at);
          await refusedAlike(leaf.pem + pemOf(der));
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each<[string, (size: number) => Uint8Array]>([
    [
      'sequences in sequences',
      (size) => Uint8Array.from({ length: size }, (_, at) => (at % 2 ? 0x80 : 0x30)),
    ],
    ['sequences in sequences of stated length', nested],
    ['a length that is not there', () => Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff)],
    ['a length of more than eight bytes', () => new Uint8Array(200).fill(0xff).fill(0x30, 0, 1)],
    [
      'ten thousand empty values',
      (size) => wrapped(new Uint8Array(size).fill(5).map((b, at) => (at % 2 ? 0 : b))),
    ],
  ])('not %s, and it does not take long', async (_what, make) => {
    const der = make(45_000);
    const before = performance.now();
    await refusedAlike(pemOf(der), der);
    expect(performance.now() - before).toBeLessThan(2000);
  });
});

function wrapped(content: Uint8Array): Uint8Array {
  return Uint8Array.of(0x30, 0x82, content.length >> 8, content.length & 255, ...content);
}

function nested(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at + 4 <= size; at += 4) {
    const rest = size - at - 4;
    bytes.set([0x30, 0x82, rest >> 8, rest & 255], at);
  }
  return bytes;
}

it('and the honest chain is accepted after all that', async () => {
  const { publish, receive } = receiver([root]);
  publish(leaf.pem + ca.pem, PEM_TYPE);
  await receive(await holderOf(leaf, X5U));
});
