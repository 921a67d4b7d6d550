import { createRequestVerifier } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import {
  changedHeader,
  FakeDiscovery,
  identifier,
  NOW,
  refusalOf,
  signedMessage,
  type Signer,
  testClock,
  withBrokenSignature,
} from '../kit.js';
import { chainPem, holderOf, issue, issueCa, issueRoot, keyPair } from './authority.js';
import { receiver, X5U } from './receiver.js';
import { rootsOf } from './receiver.js';

const root = issueRoot();
const ca = issueCa(root);
const leaf = issue(ca, {});
const chain = chainPem(leaf, ca);
const holder = await holderOf(leaf, X5U);
const { x5t } = holder.signatureKey as { x5t: string };
const pointing = (change: { x5u?: string; x5t?: string }): Signer => ({
  ...holder,
  signatureKey: { scheme: 'x509', x5u: X5U, x5t, ...change },
});

describe('without roots', () => {
  it.each([
    ['when none are named', undefined],
    ['when the list is empty', rootsOf()],
  ])('the scheme is unsupported and nobody is asked, %s', async (_when, x509Roots) => {
    const discovery = new FakeDiscovery();
    const id = identifier('https://rs.example');
    const clock = testClock();
    const more = x509Roots === undefined ? {} : { x509Roots };
    const verify = createRequestVerifier({ id, clock, discovery, ...more });
    const error = await refusalOf(verify(await signedMessage(holder, { url: id })));
    expect(error).toMatchObject({ code: 'invalid_signature', rule: 'scheme_unsupported' });
    expect(error.accepted).toEqual(['hwk', 'jwks', 'jwt']);
    expect(discovery.lookups).toEqual([]);
  });
});

describe('the schemes that a refusal names', () => {
  it.each([
    ['leave x509 out without roots', [], ['hwk', 'jwks', 'jwt']],
    ['have x509 with roots', [root], ['hwk', 'jwks', 'jwt', 'x509']],
  ])('%s', async (_what, roots, accepted) => {
    const verify = createRequestVerifier({
      id: identifier('https://rs.example'),
      clock: testClock(),
      discovery: new FakeDiscovery(),
      x509Roots: rootsOf(...roots.map(({ pem }) => pem)),
    });
    const message = await signedMessage(holder, { url: 'https://rs.example/' });
    const unheardOf = changedHeader(message, 'signature-key', (value) =>
      value.replace('scheme=x509', 'scheme=x510'),
    );
    const error = await refusalOf(verify(unheardOf));
    expect(error).toMatchObject({ rule: 'scheme_unsupported', accepted });
  });
});

describe('a request is refused, and nobody is asked,', () => {
  const canonical = Buffer.from(x5t, 'base64url');
  it.each([
    ['is empty', '""'],
    ['is a byte short', canonical.subarray(1).toString('base64url')],
    ['is a byte long', Buffer.concat([canonical, Buffer.of(0)]).toString('base64url')],
    ['is padded', `${x5t}=`],
    ['has a spare bit set', `${x5t.slice(0, -1)}${String.fromCharCode(x5t.charCodeAt(42) + 1)}`],
    ['is in the standard alphabet', `${'+/'.repeat(21)}A`],
    ['is in hex', canonical.toString('hex')],
    ['has a space in it', `${x5t.slice(0, 20)} ${x5t.slice(21)}`],
    ['is a SHA-1', Buffer.alloc(20).toString('base64url')],
    ['is very long', 'A'.repeat(4000)],
  ])('when x5t %s', async (_what, value) => {
    const { network, publish, receive } = receiver([root]);
    publish(chain);
    const error = await refusalOf(receive(pointing({ x5t: value })));
    expect(error).toMatchObject({ code: 'invalid_signature', rule: 'x5t_invalid' });
    expect(network.asked).toEqual([]);
  });

  it.each([
    ['is not a URL', 'chain.pem'],
    ['is not https', 'http://certificates.example/chain.pem'],
    ['is a file', 'file:///etc/ssl/cert.pem'],
    ['has user info', 'https://a:b@certificates.example/chain.pem'],
    ['has a fragment', `${X5U}#`],
    ['is too long', `${X5U}?${'a'.repeat(2048)}`],
  ])('when x5u %s', async (_what, x5u) => {
    const { network, receive } = receiver([root]);
    const error = await refusalOf(receive(pointing({ x5u })));
    expect(error).toMatchObject({ code: 'invalid_signature', rule: 'discovery_failed' });
    expect(network.asked).toEqual([]);
  });

  it.each([
    ['x5u is missing', / x5u="[^"]*"/, ''],
    ['x5t is missing', / x5t="[^"]*"/, ''],
    ['x5u is empty', /x5u="[^"]*"/, 'x5u=""'],
    ['x5t is given twice', / (x5t="[^"]*")/, ' $1 $1'],
    ['there is a parameter that x509 does not know', / x5t=/, ' x5c="a" x5t='],
  ])('when %s', async (_what, from, to) => {
    const { network } = receiver([root]);
    const verify = createRequestVerifier({
      id: identifier('https://rs.example'),
      clock: testClock(),
      discovery: new FakeDiscovery(),
      x509Roots: rootsOf(root.pem),
    });
    const message = await signedMessage(holder, { url: 'https://rs.example/' });
    const changed = changedHeader(message, 'signature-key', (value) => value.replace(from, to));
    expect(await refusalOf(verify(changed))).toMatchObject({ rule: 'header_malformed' });
    expect(network.asked).toEqual([]);
  });

  it('when the signature is stale', async () => {
    const { network, publish, receive } = receiver([root]);
    publish(chain);
    const error = await refusalOf(receive(holder, { created: NOW - 61 }));
    expect(error).toMatchObject({ rule: 'created_out_of_window' });
    expect(network.asked).toEqual([]);
  });

  it('when the signature is for another authority', async () => {
    const { network, publish, receive } = receiver([root]);
    publish(chain);
    const error = await refusalOf(receive(holder, { url: 'https://other.example/' }));
    expect(error).toMatchObject({ code: 'misdirected_request' });
    expect(network.asked).toEqual([]);
  });
});

it('and where the parameters are right, the PEM is asked for', async () => {
  const { network, publish, receive } = receiver([root]);
  publish(chain);
  expect((await receive(holder)).caller).toMatchObject({ kind: 'agent', scheme: 'x509' });
  expect(network.asked).toEqual([X5U]);
});

it('a signature that does not verify is refused although the chain is good', async () => {
  const { network, publish } = receiver([root]);
  publish(chain);
  const discovery = new FakeDiscovery();
  discovery.certificatesAt = () => Promise.resolve([leaf.der, ca.der]) as never;
  const id = identifier('https://rs.example');
  const verify = createRequestVerifier({
    id,
    clock: testClock(),
    discovery,
    x509Roots: rootsOf(root.pem),
  });
  const message = await signedMessage(holder, { url: id });
  await verify(message);
  const error = await refusalOf(verify(withBrokenSignature(message)));
  expect(error).toMatchObject({ rule: 'signature_invalid' });
  expect(network.asked).toEqual([]);
});

it.each([
  ['RSA', keyPair.rsa()],
  ['P-256', keyPair.p256()],
])('a signer with an %s certificate may send bodies and nonces', async (_type, keys) => {
  const one = issue(root, { keys });
  const { publish, receive } = receiver([root]);
  publish(one.pem);
  await receive(await holderOf(one, X5U), {
    headers: [
      ['Content-Type', 'text/plain'],
      ['Nonce', 'AAAAAAAAAAAAAAAAAAAAAA'],
    ],
    body: 'text',
  });
});
