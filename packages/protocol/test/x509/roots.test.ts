import {
  AAuthError,
  certificateThumbprint,
  createRequestVerifier,
  parseServerIdentifier,
} from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { FakeDiscovery, refusalOf, testClock } from '../kit.js';
import {
  basicConstraints,
  CA_EXTENSIONS,
  chainPem,
  extension,
  issue,
  issueRoot,
  keyPair,
  keyUsage,
  pemOf,
  thumbprintOf,
  type Wanted,
} from './authority.js';
import { receiveChain } from './receiver.js';
import { rootsOf } from './receiver.js';

const root = issueRoot();
const other = issueRoot({ subject: 'Other' });
const leaf = issue(root, {});

const make = (...x509Roots: string[]) =>
  createRequestVerifier({
    id: parseServerIdentifier('https://rs.example', 'The id'),
    clock: testClock(),
    discovery: new FakeDiscovery(),
    x509Roots: rootsOf(...x509Roots),
  });

describe('roots are refused when the receiver is made', () => {
  const wanted = (change: Wanted): string => issueRoot(change).pem;
  const faults: [string, () => string, string][] = [
    ['that are empty', () => '', 'no certificate'],
    ['that are not PEM', () => 'root', 'something other than certificates in the PEM'],
    ['that are malformed', () => pemOf(root.der.slice(0, -1)), 'malformed certificate'],
    ['that are leaves', () => leaf.pem, 'not a CA'],
    ['of which one is a leaf', () => chainPem(root, leaf), 'not a CA'],
    [
      'that say they are no CA',
      () => wanted({ extensions: [basicConstraints(false), CA_EXTENSIONS[1]!] }),
      'not a CA',
    ],
    [
      'that may not sign certificates',
      () => wanted({ extensions: [CA_EXTENSIONS[0]!, keyUsage('digitalSignature')] }),
      'a CA without keyCertSign',
    ],
    ['without extensions', () => wanted({ extensions: [] }), 'not a CA'],
    [
      'with name constraints, which would not be honoured',
      () =>
        wanted({ extensions: [...CA_EXTENSIONS, extension('2.5.29.30', Uint8Array.of(48, 0))] }),
      'name constraints',
    ],
    [
      'with a critical extension that is not understood',
      () =>
        wanted({ extensions: [...CA_EXTENSIONS, extension('1.2.3.4', Uint8Array.of(5, 0), true)] }),
      'a critical extension that is not understood',
    ],
    [
      'with a weak key',
      () => wanted({ keys: keyPair.rsa(1024) }),
      'RSA keys must have at least 2048 bits.',
    ],
    [
      'with a key that is not supported',
      () => wanted({ keys: keyPair.p521() }),
      'key type not supported',
    ],
    ['of which one is there twice', () => chainPem(root, root), 'the same certificate twice'],
    [
      'of which two are certificates of one CA',
      () => chainPem(root, issueRoot({ keys: root.keys, signature: 'ed25519' })),
      'the same CA twice',
    ],
  ];

  it.each(faults)('%s', (_what, pem, reason) => {
    let error: unknown;
    try {
      make(other.pem, pem());
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(AAuthError);
    expect(error).toMatchObject({ code: 'configuration_invalid' });
    expect((error as AAuthError).message).toContain('Entry 2 of x509Roots');
    expect((error as AAuthError).message).toContain(reason);
  });
});

describe('roots are accepted', () => {
  it('as entries of their own or several in one', () => {
    make(root.pem, other.pem);
    make(chainPem(root, other));
  });

  it('that share a key under two names, or a name with two keys', () => {
    make(root.pem, issueRoot({ subject: 'Renamed', keys: root.keys }).pem);
    make(root.pem, issueRoot().pem);
  });

  it('when they were signed by somebody else, or with what is not accepted further down', async () => {
    const keys = keyPair.rsa();
    const cross = issue(other, { subject: 'Cross', extensions: CA_EXTENSIONS, keys });
    const one = issue(cross, {});
    await receiveChain([cross], one, one.pem);
    const old = issueRoot({ keys, signature: 'pkcs1-sha1' });
    const two = issue(old, {});
    await receiveChain([old], two, two.pem);
  });

  it('and only those are trusted', async () => {
    await receiveChain([root], leaf, leaf.pem);
    const error = await refusalOf(receiveChain([other], leaf, leaf.pem));
    expect(error.rule).toBe('certificate_invalid');
  });
});

describe('the thumbprint of a chain', () => {
  it('is the SHA-256 of its first certificate', async () => {
    expect(await certificateThumbprint(chainPem(leaf, root))).toBe(thumbprintOf(leaf.der));
  });

  it('is refused of what is not PEM', async () => {
    const error = await refusalOf(certificateThumbprint('leaf'));
    expect(error.code).toBe('configuration_invalid');
  });
});
