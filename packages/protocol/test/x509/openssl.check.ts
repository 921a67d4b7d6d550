import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { refusalOf, NOW } from '../kit.js';
import {
  AGENT,
  basicConstraints,
  CA_EXTENSIONS,
  chainPem,
  issue,
  issueCa,
  issueRoot,
  type Issued,
} from './authority.js';
import { receiveChain } from './receiver.js';

const directory = mkdtempSync(join(tmpdir(), 'x509-'));
afterAll(() => rmSync(directory, { recursive: true }));

const file = (name: string, text = ''): string => {
  const path = join(directory, name);
  if (text !== '') writeFileSync(path, text);
  return path;
};
const openssl = (...args: string[]): string =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' });

/** Certificates that OpenSSL made are read, and OpenSSL agrees about ours. */
describe('OpenSSL', () => {
  it.each([
    ['ED25519', ['-algorithm', 'ed25519'], []],
    ['P-256', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'], []],
    [
      'P-384 with SHA-512',
      ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
      ['-sha512'],
    ],
    ['RSA', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'], ['-sha256']],
    [
      'RSA-PSS',
      ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
      ['-sha384', '-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:digest'],
    ],
  ])('makes chains with %s that are accepted', async (_name, generate, signing) => {
    const key = (name: string): string => {
      openssl('genpkey', ...generate, '-out', file(`${name}.key`));
      return file(`${name}.key`);
    };
    const request = (
      name: string,
      subject: string,
      extensions: string[],
      ...by: string[]
    ): string => {
      const added = extensions.flatMap((one) => ['-addext', one]);
      const own = [
        '-x509',
        '-key',
        key(name),
        '-subj',
        subject,
        '-days',
        '2',
        '-out',
        file(`${name}.pem`),
      ];
      openssl(
        'req',
        '-config',
        file('empty.cnf', '[req]\ndistinguished_name=dn\n[dn]\n'),
        ...own,
        ...added,
        ...signing,
        ...by,
      );
      return readFileSync(file(`${name}.pem`), 'utf8');
    };
    const by = (name: string): string[] => [
      '-CA',
      file(`${name}.pem`),
      '-CAkey',
      file(`${name}.key`),
    ];
    const authority = [
      'basicConstraints=critical,CA:true',
      'keyUsage=critical,keyCertSign,cRLSign',
    ];
    const root = request('root', '/C=CH/O=Tests/CN=Root', authority);
    const ca = request('ca', '/O=Tests/CN=CA é', authority, ...by('root'));
    const end = [
      'basicConstraints=CA:false',
      'keyUsage=digitalSignature',
      `subjectAltName=URI:${AGENT}`,
    ];
    const pem = request('leaf', '/CN=agent', end, ...by('ca'));
    const privateKey = createPrivateKey(readFileSync(file('leaf.key')));
    const certificate = new X509Certificate(pem);
    const leaf: Issued = {
      subject: 'agent',
      keys: { privateKey, publicKey: certificate.publicKey },
      der: Uint8Array.from(certificate.raw),
      pem,
    };
    const now = Math.floor(Date.now() / 1000);
    const { caller } = await receiveChain([{ pem: root }], leaf, pem + ca, {}, now);
    expect(caller).toMatchObject({ kind: 'agent', scheme: 'x509', agent: AGENT });
  });

  const root = issueRoot();
  const ca = issueCa(root);
  const leaf = issue(ca, {});
  const narrow = issueRoot({ extensions: [basicConstraints(true, 0), CA_EXTENSIONS[1]!] });
  const below = issueCa(narrow);
  const tooDeep = issue(below, {});
  const expired = issue(ca, { notAfter: NOW - 1 });
  const cases: [string, Issued, Issued[], Issued, boolean][] = [
    ['an honest chain', leaf, [ca], root, true],
    ['a chain that is too long', tooDeep, [below], narrow, false],
    ['a leaf that has expired', expired, [ca], root, false],
    ['a chain of another root', leaf, [ca], narrow, false],
    ['a leaf that issued a leaf', issue(leaf, {}), [leaf, ca], root, false],
  ];

  it.each(cases)('agrees about %s', async (_what, one, between, anchor, good) => {
    const verify = (): string =>
      openssl(
        'verify',
        '-no-CApath',
        '-no-CAstore',
        `-attime=${NOW}`,
        `-CAfile=${file('anchor.pem', anchor.pem)}`,
        `-untrusted=${file('between.pem', chainPem(...between))}`,
        file('one.pem', one.pem),
      );
    const received = receiveChain([anchor], one, chainPem(one, ...between));
    if (good) {
      expect(verify()).toContain('OK');
      await received;
    } else {
      expect(verify).toThrow();
      expect((await refusalOf(received)).rule).toBe('certificate_invalid');
    }
  });
});
