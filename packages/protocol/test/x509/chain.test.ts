import { X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  type Extension,
  GeneralSubtree,
  NameConstraints,
  GeneralSubtrees,
  GeneralName,
  SubjectPublicKeyInfo,
  Version,
} from '@peculiar/asn1-x509';
import { describe, expect, it } from 'vitest';
import { NOW, refusalOf } from '../kit.js';
import {
  AGENT,
  alternativeNames,
  basicConstraints,
  CA_EXTENSIONS,
  chainPem,
  exact,
  extension,
  issue,
  issueCa,
  issueRoot,
  type Issued,
  keyPair,
  keyUsage,
  LEAF_EXTENSIONS,
  pemOf,
  type SignatureName,
  uri,
  type Wanted,
} from './authority.js';
import { receiveChain, wireOf } from './receiver.js';

const root = issueRoot();
const ca = issueCa(root);
const leaf = issue(ca, {});
const rsaRoot = issueRoot({ subject: 'RSA root', keys: keyPair.rsa() });
const rsaLeafKeys = keyPair.rsa();
const ecRoot = issueRoot({ subject: 'EC root', keys: keyPair.p384() });

const replaced = (from: readonly Extension[], one: Extension): readonly Extension[] =>
  from.map((other) => (other.extnID === one.extnID ? one : other));
const without = (from: readonly Extension[], id: string): readonly Extension[] =>
  from.filter(({ extnID }) => extnID !== id);
const nameConstraints = (critical: boolean): Extension => {
  const base = new GeneralName({ uniformResourceIdentifier: '.example' });
  const permittedSubtrees = new GeneralSubtrees([new GeneralSubtree({ base })]);
  return extension('2.5.29.30', new NameConstraints({ permittedSubtrees }), critical);
};
const unknown = (critical: boolean): Extension =>
  extension('1.3.6.1.4.1.55555.1', Uint8Array.of(5, 0), critical);

describe('a chain is accepted', () => {
  it('and the caller is the agent that the leaf names, with the key of the leaf', async () => {
    const { caller } = await receiveChain([root], leaf, chainPem(leaf, ca));
    expect(caller).toMatchObject({ kind: 'agent', scheme: 'x509', agent: AGENT });
    expect(caller).toHaveProperty('delegate', undefined);
    const { x } = leaf.keys.publicKey.export({ format: 'jwk' });
    expect(caller.key.jwk).toEqual({ kty: 'OKP', crv: 'Ed25519', x });
  });

  it.each([
    ['ed25519', keyPair.ed25519()],
    ['ecdsa-p256-sha256', keyPair.p256()],
    ['ecdsa-p384-sha384', keyPair.p384()],
    ['rsa-pss-sha512', rsaLeafKeys],
  ])('when the key of the leaf is for %s', async (algorithm, keys) => {
    const one = issue(ca, { keys });
    const { caller } = await receiveChain([root], one, chainPem(one, ca));
    expect(caller.key.algorithm.name).toBe(algorithm);
  });

  it.each<[SignatureName, Issued]>([
    ['ed25519', root],
    ['ecdsa-sha256', ecRoot],
    ['ecdsa-sha384', ecRoot],
    ['ecdsa-sha512', ecRoot],
    ['pkcs1-sha256', rsaRoot],
    ['pkcs1-sha384', rsaRoot],
    ['pkcs1-sha512', rsaRoot],
    ['pss-sha256', rsaRoot],
    ['pss-sha256 without NULL', rsaRoot],
    ['pss-sha384', rsaRoot],
    ['pss-sha512', rsaRoot],
  ])('when its certificates are signed by %s', async (signature, by) => {
    const one = issue(by, { signature });
    const signed = new X509Certificate(one.der);
    expect(signed.verify(by.keys.publicKey)).toBe(true);
    await receiveChain([by], one, one.pem);
  });

  it('when it is signed by P-256, many times, whatever the length of r and s', async () => {
    const p256 = issueRoot({ keys: keyPair.p256() });
    for (let count = 0; count < 20; count++) {
      const one = issue(p256, {});
      await receiveChain([p256], one, one.pem);
    }
  });

  describe.each([0, 1, 2, 3])('with %i intermediates', (count) => {
    const cas: Issued[] = [];
    for (let made = 0; made < count; made++) cas.unshift(issueCa(cas[0] ?? root));
    const last = issue(cas[0] ?? root, {});

    it('when the root is left out', async () => {
      await receiveChain([root], last, chainPem(last, ...cas));
    });

    it('when the root stands at its end', async () => {
      await receiveChain([root], last, chainPem(last, ...cas, root));
    });
  });

  it('when the path lengths allow exactly the CAs there are', async () => {
    const narrow = issueRoot({ extensions: [basicConstraints(true, 2), CA_EXTENSIONS[1]!] });
    const one = issueCa(narrow, { extensions: [basicConstraints(true, 1), CA_EXTENSIONS[1]!] });
    const two = issueCa(one, { extensions: [basicConstraints(true, 0), CA_EXTENSIONS[1]!] });
    const last = issue(two, {});
    await receiveChain([narrow], last, chainPem(last, two, one));
  });

  it('when the leaf does not restrict its key and has no basic constraints', async () => {
    const bare = issue(ca, { extensions: [alternativeNames(uri(AGENT))] });
    await receiveChain([root], bare, chainPem(bare, ca));
  });

  it('when the leaf has names of other kinds beside its one URI', async () => {
    const names = alternativeNames(
      { dNSName: 'agent.example' },
      { iPAddress: '192.0.2.1' },
      { iPAddress: '2001:db8::1' },
      { rfc822Name: 'agent@example.com' },
      uri(AGENT),
    );
    const one = issue(ca, { extensions: replaced(LEAF_EXTENSIONS, names) });
    await receiveChain([root], one, chainPem(one, ca));
  });

  it('when an extension that is not understood is not critical', async () => {
    const cas = issueCa(root, { extensions: [...CA_EXTENSIONS, unknown(false)] });
    const one = issue(cas, { extensions: [...LEAF_EXTENSIONS, unknown(false)] });
    await receiveChain([root], one, chainPem(one, cas));
  });

  it('when one of several roots of the same name is its root', async () => {
    const others = [issueRoot(), issueRoot({ keys: keyPair.p256() })];
    await receiveChain([...others, root], leaf, chainPem(leaf, ca));
  });

  it('at the first and the last second of its validity', async () => {
    const brief = issue(ca, { notBefore: NOW, notAfter: NOW });
    await receiveChain([root], brief, chainPem(brief, ca));
  });

  it('when the leaf names a loopback origin and insecure loopback is switched on', async () => {
    const names = alternativeNames(uri('http://127.0.0.1:8001'));
    const local = issue(ca, { extensions: replaced(LEAF_EXTENSIONS, names) });
    const options = { insecureLoopback: true };
    const { caller } = await receiveChain([root], local, chainPem(local, ca), options);
    expect(caller).toMatchObject({ agent: 'http://127.0.0.1:8001' });
  });
});

/** A chain in which the leaf differs from an honest one by `wanted`. */
const leafWith = (wanted: Wanted): [Issued, string] => {
  const one = issue(ca, wanted);
  return [one, chainPem(one, ca)];
};
const leafSaying = (one: Extension): [Issued, string] =>
  leafWith({ extensions: replaced(LEAF_EXTENSIONS, one) });
/** The same for the intermediate. */
const caWith = (wanted: Wanted): [Issued, string] => {
  const between = issueCa(root, wanted);
  const one = issue(between, {});
  return [one, chainPem(one, between)];
};
const caSaying = (extensions: readonly Extension[]): [Issued, string] => caWith({ extensions });
/** A chain below a root that differs; the root is the third. */
const rootWith = (wanted: Wanted): [Issued, string, Issued] => {
  const other = issueRoot(wanted);
  const one = issue(other, {});
  return [one, one.pem, other];
};
/** The certificate with one bit changed at `at`, counted from its end when negative. */
const flipped = (one: Issued, at: number): Issued => {
  const der = Uint8Array.from(one.der);
  der.set([(der.at(at) ?? 0) ^ 1], at < 0 ? der.length + at : at);
  return { ...one, der, pem: pemOf(der) };
};
const weakKey = new SubjectPublicKeyInfo({
  algorithm: new AlgorithmIdentifier({ algorithm: '1.3.101.112' }),
  subjectPublicKey: exact(Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0))),
});
const compressed = (keys = keyPair.p256()): SubjectPublicKeyInfo => {
  const spki = AsnConvert.parse(
    exact(keys.publicKey.export({ type: 'spki', format: 'der' })),
    SubjectPublicKeyInfo,
  );
  const point = new Uint8Array(spki.subjectPublicKey);
  spki.subjectPublicKey = exact(Uint8Array.of(2 + (point[64]! & 1), ...point.subarray(1, 33)));
  return spki;
};
const offCurve = (): SubjectPublicKeyInfo => {
  const spki = AsnConvert.parse(
    exact(keyPair.p256().publicKey.export({ type: 'spki', format: 'der' })),
    SubjectPublicKeyInfo,
  );
  const point = new Uint8Array(spki.subjectPublicKey);
  point[64]! ^= 1;
  return spki;
};
const fourDeep = (): [Issued, string] => {
  let issuer = root;
  const cas: Issued[] = [];
  for (let made = 0; made < 4; made++) cas.unshift((issuer = issueCa(issuer)));
  const one = issue(issuer, {});
  return [one, chainPem(one, ...cas)];
};

type Fault = [why: string, chain: () => [Issued, string, Issued?], detail: string];

const faults: Fault[] = [
  [
    'signed by a CA that nobody configured, of the same name as one that is',
    () => {
      const other = issueRoot();
      const one = issue(other, {});
      return [one, one.pem];
    },
    'signature not made with the key of the issuer',
  ],
  [
    'signed by a CA of another name',
    () => {
      const other = issueRoot({ subject: 'Other' });
      const one = issue(other, {});
      return [one, chainPem(one, other)];
    },
    'issuer not the next certificate or a root',
  ],
  [
    'self-signed by the agent',
    () => {
      const own = issue(undefined, { subject: 'agent' });
      return [own, own.pem];
    },
    'issuer not the next certificate or a root',
  ],
  ['only the root itself', () => [root, root.pem], 'no certificate below the root'],
  [
    'without the intermediate that leads to the root',
    () => [leaf, leaf.pem],
    'issuer not the next certificate or a root',
  ],
  [
    'in which the issuer of the leaf is named wrongly',
    () => leafWith({ issuer: 'Other' }),
    'issuer not the next certificate or a root',
  ],
  [
    'in which the leaf is signed with a key that is not the issuer’s',
    () => leafWith({ signedWith: keyPair.ed25519() }),
    'signature not made with the key of the issuer',
  ],
  [
    'in which the leaf is signed with a key of another type than the issuer’s',
    () => leafWith({ signedWith: keyPair.p256() }),
    'signature not made with the key of the issuer',
  ],
  [
    'in which the intermediate is signed with a key that is not the root’s',
    () => caWith({ signedWith: keyPair.ed25519() }),
    'signature not made with the key of the issuer',
  ],
  [
    'in which a bit of the leaf’s signature is changed',
    () => [flipped(leaf, -1), chainPem(flipped(leaf, -1), ca)],
    'signature not made with the key of the issuer',
  ],
  [
    'in which a bit of the intermediate’s signature is changed',
    () => [leaf, chainPem(leaf, flipped(ca, -1))],
    'signature not made with the key of the issuer',
  ],
  [
    'whose leaf was issued by a leaf',
    () => {
      const one = issue(leaf, {});
      return [one, chainPem(one, leaf, ca)];
    },
    'not a CA',
  ],
  [
    'whose intermediate has no basic constraints',
    () => caSaying(without(CA_EXTENSIONS, '2.5.29.19')),
    'not a CA',
  ],
  [
    'whose intermediate says that it is not a CA',
    () => caSaying(replaced(CA_EXTENSIONS, basicConstraints(false))),
    'not a CA',
  ],
  [
    'whose intermediate has no key usage',
    () => caSaying(without(CA_EXTENSIONS, '2.5.29.15')),
    'a CA without keyCertSign',
  ],
  [
    'whose intermediate may not sign certificates',
    () => caSaying(replaced(CA_EXTENSIONS, keyUsage('digitalSignature', 'cRLSign'))),
    'a CA without keyCertSign',
  ],
  [
    'with an intermediate below a root whose path length is zero',
    () => {
      const other = issueRoot({ extensions: [basicConstraints(true, 0), CA_EXTENSIONS[1]!] });
      const between = issueCa(other);
      const one = issue(between, {});
      return [one, chainPem(one, between), other];
    },
    'more CAs than the path length allows',
  ],
  [
    'with an intermediate below one whose path length is zero',
    () => {
      const one = issueCa(root, { extensions: [basicConstraints(true, 0), CA_EXTENSIONS[1]!] });
      const two = issueCa(one);
      const last = issue(two, {});
      return [last, chainPem(last, two, one)];
    },
    'more CAs than the path length allows',
  ],
  [
    'in which a lower CA allows itself more than the root allowed it',
    () => {
      const other = issueRoot({ extensions: [basicConstraints(true, 1), CA_EXTENSIONS[1]!] });
      const one = issueCa(other, { extensions: [basicConstraints(true, 9), CA_EXTENSIONS[1]!] });
      const two = issueCa(one);
      const last = issue(two, {});
      return [last, chainPem(last, two, one), other];
    },
    'more CAs than the path length allows',
  ],
  [
    'with a negative path length',
    () =>
      caSaying([
        extension('2.5.29.19', Uint8Array.of(0x30, 6, 1, 1, 255, 2, 1, 255), true),
        CA_EXTENSIONS[1]!,
      ]),
    'malformed path length',
  ],
  ['with four intermediates', fourDeep, 'too many intermediates'],
  [
    'whose intermediates are in the wrong order',
    () => {
      const one = issueCa(root);
      const two = issueCa(one);
      const last = issue(two, {});
      return [last, chainPem(last, one, two)];
    },
    'issuer not the next certificate or a root',
  ],
  [
    'with a certificate that belongs to another chain in between',
    () => [leaf, chainPem(leaf, issueCa(root), ca)],
    'issuer not the next certificate or a root',
  ],
  [
    'that goes on above the root',
    () => [leaf, chainPem(leaf, ca, root, issueRoot({ subject: 'Other' }))],
    'issuer not the next certificate or a root',
  ],
  ['whose leaf has expired', () => leafWith({ notAfter: NOW - 1 }), 'not valid at this time'],
  ['whose leaf is not yet valid', () => leafWith({ notBefore: NOW + 1 }), 'not valid at this time'],
  ['whose intermediate has expired', () => caWith({ notAfter: NOW - 1 }), 'not valid at this time'],
  [
    'whose intermediate is not yet valid',
    () => caWith({ notBefore: NOW + 1 }),
    'not valid at this time',
  ],
  ['whose root has expired', () => rootWith({ notAfter: NOW - 1 }), 'not valid at this time'],
  [
    'whose root has expired, with an intermediate that has not',
    () => {
      const other = issueRoot({ notAfter: NOW - 1 });
      const between = issueCa(other);
      const one = issue(between, {});
      return [one, chainPem(one, between), other];
    },
    'not valid at this time',
  ],
  [
    'whose upper intermediate is not yet valid, with a lower one that is',
    () => {
      const upper = issueCa(root, { notBefore: NOW + 1 });
      const lower = issueCa(upper);
      const one = issue(lower, {});
      return [one, chainPem(one, lower, upper)];
    },
    'not valid at this time',
  ],
  ['whose root is not yet valid', () => rootWith({ notBefore: NOW + 1 }), 'not valid at this time'],
  ['whose leaf is a CA', () => leafSaying(basicConstraints(true)), 'the leaf is a CA'],
  [
    'whose leaf may not make digital signatures',
    () => leafSaying(keyUsage('keyEncipherment', 'keyAgreement')),
    'a leaf without digitalSignature',
  ],
  [
    'whose leaf has no alternative names',
    () => leafWith({ extensions: without(LEAF_EXTENSIONS, '2.5.29.17') }),
    'a leaf that does not name exactly one URI',
  ],
  [
    'whose leaf names a host but no URI',
    () => leafSaying(alternativeNames({ dNSName: 'agent.example' })),
    'a leaf that does not name exactly one URI',
  ],
  [
    'whose leaf names two URIs',
    () => leafSaying(alternativeNames(uri(AGENT), uri('https://other.example'))),
    'a leaf that does not name exactly one URI',
  ],
  [
    'whose leaf names the same URI twice',
    () => leafSaying(alternativeNames(uri(AGENT), uri(AGENT))),
    'a leaf that does not name exactly one URI',
  ],
  ...[
    `${AGENT}/`,
    `${AGENT}/path`,
    'https://AGENT.example',
    'http://127.0.0.1:8001',
    'spiffe://agent.example',
    '',
  ].map((text): Fault => [
    `whose leaf names ${JSON.stringify(text)}, which is not a server identifier`,
    () => leafSaying(alternativeNames(uri(text))),
    'the URI of the leaf is not a server identifier',
  ]),
  ...[
    ['the leaf', leafWith, LEAF_EXTENSIONS] as const,
    ['the intermediate', caWith, CA_EXTENSIONS] as const,
  ].flatMap(([which, make, extensions]): Fault[] => [
    [
      `in which ${which} has a critical extension that nobody here understands`,
      () => make({ extensions: [...extensions, unknown(true)] }),
      'a critical extension that is not understood',
    ],
    [
      `in which ${which} has critical name constraints`,
      () => make({ extensions: [...extensions, nameConstraints(true)] }),
      'name constraints',
    ],
    [
      `in which ${which} has name constraints that are not critical`,
      () => make({ extensions: [...extensions, nameConstraints(false)] }),
      'name constraints',
    ],
    [
      `in which ${which} has an extension twice`,
      () => make({ extensions: [...extensions, extensions[0]!] }),
      'an extension twice',
    ],
    [
      `in which ${which} has malformed basic constraints`,
      () =>
        make({ extensions: replaced(extensions, extension('2.5.29.19', Uint8Array.of(48, 1))) }),
      'malformed basic constraints',
    ],
    [
      `in which ${which} has basic constraints that are not in DER`,
      () =>
        make({
          // cA spelled as 1 instead of 255.
          extensions: replaced(extensions, extension('2.5.29.19', Uint8Array.of(0x30, 3, 1, 1, 1))),
        }),
      'basic constraints not in DER',
    ],
    [
      `in which ${which} names another signature algorithm inside than outside`,
      () => make({ extensions, namedInside: 'ecdsa-sha256' }),
      'two different signature algorithms',
    ],
    [
      `in which ${which} is not of version 3`,
      () => make({ extensions, version: Version.v1 }),
      'not an X.509 v3 certificate',
    ],
    [
      `in which ${which} has an Ed25519 key of small order`,
      () => make({ extensions, publicKeyInfo: weakKey }),
      'The key is an Ed25519 point of small order.',
    ],
    [
      `in which ${which} has an RSA key of 1024 bits`,
      () => make({ extensions, keys: keyPair.rsa(1024) }),
      'RSA keys must have at least 2048 bits.',
    ],
    [
      `in which ${which} has a key on a curve that is not supported`,
      () => make({ extensions, keys: keyPair.p521() }),
      'key type not supported',
    ],
    [
      `in which ${which} has a compressed EC point`,
      () => make({ extensions, publicKeyInfo: compressed() }),
      'EC key not an uncompressed point',
    ],
  ]),
  [
    'whose leaf has a key that is not on its curve',
    () => leafWith({ publicKeyInfo: offCurve() }),
    'The key is not a point on its curve.',
  ],
  ...(
    [
      ['pkcs1-md5', rsaRoot],
      ['pkcs1-sha1', rsaRoot],
      ['pss-sha1', rsaRoot],
      ['pss-sha256 with a salt of 20 bytes', rsaRoot],
      ['ecdsa-sha1', ecRoot],
    ] as const
  ).map(([signature, by]): Fault => [
    `signed by ${signature}, which is not accepted`,
    () => {
      const one = issue(by, { signature });
      return [one, one.pem, by];
    },
    'signature algorithm not accepted',
  ]),
  [
    'in which the leaf has something left over behind it',
    () => {
      const der = Uint8Array.of(...leaf.der, 0);
      return [{ ...leaf, der }, pemOf(der) + ca.pem];
    },
    'certificate not in DER',
  ],
  [
    'in which the leaf is cut short',
    () => {
      const der = leaf.der.slice(0, -1);
      return [{ ...leaf, der }, pemOf(der) + ca.pem];
    },
    'malformed certificate',
  ],
];

describe('a chain is refused', () => {
  const honest = chainPem(leaf, ca);

  it.each(faults)('%s', async (_why, make, detail) => {
    const [last, pem, other = root] = make();
    const error = await refusalOf(receiveChain([other], { ...last, keys: usable(last) }, pem));
    expect(error).toMatchObject({ code: 'invalid_signature', rule: 'certificate_invalid', detail });
    expect(await wireOf(error)).toBe(await anyRefusal);
  });

  it('and these tests start from one that is not', async () => {
    await receiveChain([root], leaf, honest);
  });

  it('when the root at its end is trusted, but another of the same name issued it', async () => {
    const namesake = issueRoot();
    await receiveChain([root, namesake], leaf, chainPem(leaf, ca, root));
    const pem = chainPem(leaf, ca, namesake);
    const error = await refusalOf(receiveChain([root, namesake], leaf, pem));
    expect(error.detail).toBe('signature not made with the key of the issuer');
  });

  it('when the request is signed with another key than the leaf’s', async () => {
    const thief = { ...leaf, keys: keyPair.ed25519() };
    const error = await refusalOf(receiveChain([root], thief, honest));
    expect(error).toMatchObject({ code: 'invalid_signature', rule: 'signature_invalid' });
  });

  it('when the request is signed with the key of the intermediate', async () => {
    const error = await refusalOf(receiveChain([root], { ...leaf, keys: ca.keys }, honest));
    expect(error).toMatchObject({ rule: 'signature_invalid' });
  });
});

/** The keys of the leaf, or others where no request can be signed with those: it does not come to that. */
function usable({ keys }: Issued): Issued['keys'] {
  const { namedCurve, modulusLength } = keys.publicKey.asymmetricKeyDetails ?? {};
  return namedCurve === 'secp521r1' || modulusLength === 1024 ? leaf.keys : keys;
}

/** The answer to something that is not a chain at all. */
const anyRefusal = (async () =>
  wireOf(await refusalOf(receiveChain([root], leaf, 'not a certificate'))))();
