import { createDiscovery } from '@countersign/protocol';
import { describe, expect, it } from 'vitest';
import { answer, failureOf, FakeNetwork, serve } from '../discovery/support.js';
import { refusalOf, testClock } from '../kit.js';
import {
  chainPem,
  holderOf,
  issue,
  issueCa,
  issueRoot,
  keyPair,
  pemOf,
  thumbprintOf,
} from './authority.js';
import { PEM_TYPE, type Receiver, receiveChain, receiver, wireOf, X5U } from './receiver.js';

const root = issueRoot();
const ca = issueCa(root);
const leaf = issue(ca, {});
const renewed = issue(ca, {});
const chain = chainPem(leaf, ca);
const holder = await holderOf(leaf, X5U);
const renewedHolder = await holderOf(renewed, X5U);

/** The answer to a host that does not exist. */
const nobody = await wireOf(await refusalOf(receiver([root]).receive(holder)));

describe('the PEM is accepted', () => {
  it.each([
    PEM_TYPE,
    'application/x-pem-file',
    'application/x-x509-ca-cert',
    'Application/PEM-certificate-chain; charset=us-ascii',
  ])('as %s', async (type) => {
    const { publish, receive } = receiver([root]);
    publish(chain, type);
    await receive(holder);
  });

  it.each([
    ['with CRLF', chain.replaceAll('\n', '\r\n')],
    ['without a last line end', chain.trimEnd()],
    ['with blank lines between certificates', chain.replaceAll('-----BEGIN', '\n\n-----BEGIN')],
    [
      'with each certificate on one line',
      chain.replace(/(?<=[A-Za-z0-9+/])\n(?=[A-Za-z0-9+/=])/g, ''),
    ],
  ])('%s', async (_how, pem) => {
    await receiveChain([root], leaf, pem);
  });
});

describe('one and the same answer is given, whatever is wrong with the PEM:', () => {
  const body = leaf.pem.split('\n').slice(1, -2).join('');
  /** As small as a certificate can be that is not looked into. */
  const filler = (count: number): string =>
    Array.from({ length: count }, (_, at) => pemOf(Uint8Array.of(at >> 8, at & 255))).join('');
  const junk: [string, string | Uint8Array, string][] = [
    ['it is empty', '', 'no certificate'],
    ['it is blank', '\n\n\n', 'no certificate'],
    ['it is a web page', '<html></html>', 'something other than certificates in the PEM'],
    ['it is DER', leaf.der, 'something other than certificates in the PEM'],
    ['it is zeros', new Uint8Array(65_536), 'something other than certificates in the PEM'],
    ['there is text before it', `Agent\n${chain}`, 'something other than certificates in the PEM'],
    ['there is text after it', `${chain}Agent\n`, 'something other than certificates in the PEM'],
    [
      'it has a byte order mark and a space',
      ` ${chain}`,
      'something other than certificates in the PEM',
    ],
    [
      'a private key stands beside the certificates',
      chain + leaf.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      'something other than certificates in the PEM',
    ],
    [
      'it is called a trusted certificate',
      chain.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'),
      'something other than certificates in the PEM',
    ],
    [
      'a certificate has no end',
      chain.trimEnd().slice(0, -5),
      'a certificate without end in the PEM',
    ],
    ['it is not base64', chain.replace(/MII/, 'MI*'), 'malformed base64 in the PEM'],
    ['it is base64url', chain.replace('MII', 'M-_'), 'malformed base64 in the PEM'],
    ['it has headers', chain.replace('\n', '\nProc-Type: 4\n\n'), 'malformed base64 in the PEM'],
    [
      'base64 goes on after its padding',
      `-----BEGIN CERTIFICATE-----\nAA==${body}\n-----END CERTIFICATE-----\n`,
      'malformed base64 in the PEM',
    ],
    [
      'a certificate is empty',
      '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n',
      'malformed base64 in the PEM',
    ],
    ['a certificate is there twice', chainPem(leaf, ca, ca), 'the same certificate twice'],
    ['the leaf is there twice', chainPem(leaf, leaf, ca), 'the same certificate twice'],
    [
      'there are six certificates',
      chainPem(leaf, ca, ...[1, 2, 3].map(() => issueCa(root)), root),
      'too many certificates',
    ],
    ['there are as many certificates as fit', filler(1000), 'too many certificates'],
    ['it is larger than 64 KiB', chain + '\n'.repeat(65_536), 'body too large'],
    ['there are more certificates than fit', filler(2000), 'body too large'],
  ];

  it.each(junk)('%s', async (_what, pem, reason) => {
    const error = await refusalOf(receiveChain([root], leaf, pem));
    expect(error).toMatchObject({ code: 'invalid_signature', rule: 'discovery_failed' });
    expect(error.detail).toBe(`certificates at https://certificates.example: ${reason}`);
    expect(await wireOf(error)).toBe(nobody);
  });

  it.each([
    'text/plain',
    'application/octet-stream',
    'application/json',
    'application/pem-certificate-chain-not',
    'text/html; x=application/pem-certificate-chain',
    '',
    undefined,
  ])('its content type is %s', async (contentType) => {
    const { network, receive } = receiver([root]);
    network.routes.set(X5U, () => answer(chain, { contentType }));
    const error = await refusalOf(receive(holder));
    expect(error.detail).toContain('not the content type asked for');
    expect(await wireOf(error)).toBe(nobody);
  });

  it.each([204, 301, 404, 500])('its status is %i', async (status) => {
    const { network, receive } = receiver([root]);
    network.routes.set(X5U, () => answer(chain, { status, contentType: PEM_TYPE }));
    expect(await wireOf(await refusalOf(receive(holder)))).toBe(nobody);
  });

  it('its leaf is not the one of x5t', async () => {
    const error = await refusalOf(receiveChain([root], renewed, chain));
    expect(error).toMatchObject({ code: 'invalid_signature', rule: 'x5t_unknown' });
    expect(await wireOf(error)).toBe(nobody);
  });

  it('x5t is that of another certificate in it', async () => {
    const error = await refusalOf(receiveChain([root], ca, chain));
    expect(error).toMatchObject({ rule: 'x5t_unknown' });
  });

  it('x5t is that of the leaf, but the leaf does not come first', async () => {
    const error = await refusalOf(receiveChain([root], leaf, chainPem(ca, leaf)));
    expect(error).toMatchObject({ rule: 'x5t_unknown' });
  });
});

describe('the guard of discovery', () => {
  const discovery = createDiscovery({ clock: testClock(), insecureLoopback: true });

  it('lets the PEM be had from loopback where that is switched on', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': PEM_TYPE }).end(chain);
    });
    const found = await discovery.certificatesAt(`${server.id}/a.pem`, thumbprintOf(leaf.der));
    expect(found).toEqual([leaf.der, ca.der]);
  });

  it('follows no redirect', async () => {
    const server = await serve((request, response) => {
      if (request.url === '/a.pem') response.writeHead(302, { location: '/b.pem' }).end();
      else response.writeHead(200, { 'content-type': PEM_TYPE }).end(chain);
    });
    const print = thumbprintOf(leaf.der);
    const error = await failureOf(discovery.certificatesAt(`${server.id}/a.pem`, print));
    expect(error.detail).toContain('redirect');
    expect(server.requests).toEqual(['/a.pem']);
  });

  it('keeps private addresses out', async () => {
    const print = thumbprintOf(leaf.der);
    for (const url of ['https://10.0.0.1/a.pem', 'https://[::ffff:169.254.169.254]/a.pem']) {
      const error = await failureOf(discovery.certificatesAt(url, print));
      expect(error.detail).toContain('address in range');
    }
  });
});

describe('the PEM is held', () => {
  const world = (): Receiver => {
    const made = receiver([root]);
    made.publish(chain);
    return made;
  };

  it('and not asked for again while it is fresh', async () => {
    const { network, clock, receive } = world();
    await receive(holder);
    clock.advance(299);
    await receive(holder);
    expect(network.count(X5U)).toBe(1);
    clock.advance(1);
    await receive(holder);
    expect(network.count(X5U)).toBe(2);
  });

  it('no longer than ten minutes, whatever its host says', async () => {
    const { network, clock, receive } = world();
    const cacheControl = 'max-age=86400';
    network.routes.set(X5U, () => answer(chain, { contentType: PEM_TYPE, cacheControl }));
    await receive(holder);
    clock.advance(599);
    await receive(holder);
    expect(network.count(X5U)).toBe(1);
    network.routes.delete(X5U);
    clock.advance(1);
    await refusalOf(receive(holder));
  });

  it('with one request in flight for any number that need it', async () => {
    const { network, receive } = world();
    await Promise.all(Array.from({ length: 20 }, () => receive(holder)));
    expect(network.count(X5U)).toBe(1);
  });

  it('or its failure, for ten seconds', async () => {
    const { network, clock, publish, receive } = world();
    publish('junk');
    await refusalOf(receive(holder));
    publish(chain);
    clock.advance(9);
    await refusalOf(receive(holder));
    expect(network.count(X5U)).toBe(1);
    clock.advance(1);
    await receive(holder);
  });

  it('until a certificate is named that it lacks, at most once in 30 seconds', async () => {
    const { network, clock, publish, receive } = world();
    await receive(holder);
    publish(chainPem(renewed, ca));
    await receive(renewedHolder);
    expect(network.count(X5U)).toBe(2);
    for (let times = 0; times < 5; times++) {
      expect((await refusalOf(receive(holder))).rule).toBe('x5t_unknown');
    }
    expect(network.count(X5U)).toBe(2);
    publish(chain);
    clock.advance(30);
    await receive(holder);
    expect(network.count(X5U)).toBe(3);
  });

  it('but a chain that has expired meanwhile is refused', async () => {
    const { network, clock, publish, receive } = receiver([root]);
    const brief = issue(ca, { notAfter: clock() + 10 });
    publish(chainPem(brief, ca));
    const briefHolder = await holderOf(brief, X5U);
    await receive(briefHolder);
    clock.advance(10);
    await receive(briefHolder);
    clock.advance(1);
    expect((await refusalOf(receive(briefHolder))).detail).toBe('not valid at this time');
    expect(network.count(X5U)).toBe(1);
  });

  it('and a chain that was not yet valid is accepted once it is', async () => {
    const { clock, publish, receive } = receiver([root]);
    const early = issue(ca, { notBefore: clock() + 10 });
    publish(chainPem(early, ca));
    const earlyHolder = await holderOf(early, X5U);
    await refusalOf(receive(earlyHolder));
    clock.advance(10);
    await receive(earlyHolder);
  });

  it('and its key is the same object as long as it is, another when it is fetched anew', async () => {
    const { clock, receive } = world();
    const first = (await receive(holder)).caller.key;
    expect((await receive(holder)).caller.key).toBe(first);
    clock.advance(300);
    expect((await receive(holder)).caller.key).not.toBe(first);
  });

  it('and what one receiver thinks of it is nothing to another with other roots', async () => {
    const network = new FakeNetwork();
    network.routes.set(X5U, () => answer(chain, { contentType: PEM_TYPE }));
    const clock = testClock();
    const discovery = createDiscovery({ clock, fetchDocument: network.fetch });
    await receiver([root], { discovery }).receive(holder);
    const other = receiver([issueRoot({ keys: keyPair.p256() })], { discovery });
    expect((await refusalOf(other.receive(holder))).rule).toBe('certificate_invalid');
    await receiver([root], { discovery }).receive(holder);
    expect(network.count(X5U)).toBe(1);
  });
});
