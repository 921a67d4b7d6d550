import { describe, expect, it } from 'vitest';
import { createAddressGuard } from '../../src/discovery/address-guard.js';
import type { GuardOptions } from '../../src/discovery/document-fetch.js';

/** Every way of writing an address that must not be asked. */
const FORBIDDEN: readonly [string, string][] = [
  ['127.0.0.1', 'loopback'],
  ['127.1', 'loopback, two parts'],
  ['127.255.255.254', 'loopback, far end'],
  ['2130706433', 'loopback, decimal'],
  ['0x7f000001', 'loopback, hexadecimal'],
  ['0x7F.1', 'loopback, hexadecimal parts'],
  ['017700000001', 'loopback, octal'],
  ['0177.0.0.1', 'loopback, octal part'],
  ['127.0.0.1.', 'loopback, trailing dot'],
  ['%31%32%37.0.0.1', 'loopback, percent-encoded'],
  ['①②⑦.⓪.⓪.①', 'loopback, circled digits'],
  ['127。0。0。1', 'loopback, ideographic full stops'],
  ['0.0.0.0', 'unspecified'],
  ['0', 'unspecified, one digit'],
  ['0.1.2.3', 'this network'],
  ['10.0.0.1', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['100.64.0.1', 'carrier-grade NAT'],
  ['100.127.255.255', 'carrier-grade NAT'],
  ['169.254.169.254', 'link-local, cloud metadata'],
  ['0xA9FEA9FE', 'link-local, hexadecimal'],
  ['192.0.0.170', 'protocol assignments'],
  ['192.0.2.1', 'documentation'],
  ['198.51.100.1', 'documentation'],
  ['203.0.113.1', 'documentation'],
  ['192.88.99.1', '6to4 relay'],
  ['198.18.0.1', 'benchmarking'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.250', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['[::]', 'unspecified'],
  ['[::1]', 'loopback'],
  ['[0:0:0:0:0:0:0:1]', 'loopback in full'],
  ['[::ffff:127.0.0.1]', 'mapped loopback'],
  ['[::ffff:7f00:1]', 'mapped loopback, hexadecimal'],
  ['[0:0:0:0:0:ffff:10.0.0.1]', 'mapped private'],
  ['[::127.0.0.1]', 'compatible loopback'],
  ['[::ffff:0:127.0.0.1]', 'translated loopback'],
  ['[64:ff9b::127.0.0.1]', 'NAT64 of loopback'],
  ['[64:ff9b::a9fe:a9fe]', 'NAT64 of link-local'],
  ['[64:ff9b:1::10.0.0.1]', 'local NAT64'],
  ['[2002:7f00:1::]', '6to4 of loopback'],
  ['[2002:a00:1::1]', '6to4 of private'],
  ['[2002:808:808::1]', '6to4 of anything'],
  ['[2001:0:7f00:1::]', 'Teredo'],
  ['[2001:0:4136:e378:8000:63bf:f5ff:fffe]', 'Teredo of private'],
  ['[2001:db8::1]', 'documentation'],
  ['[3fff::1]', 'documentation'],
  ['[2001:2::1]', 'benchmarking'],
  ['[2001:10::1]', 'ORCHID'],
  ['[100::1]', 'discard'],
  ['[fc00::1]', 'unique-local'],
  ['[fd00::1]', 'unique-local'],
  ['[fe80::1]', 'link-local'],
  ['[fec0::1]', 'site-local'],
  ['[ff02::1]', 'multicast'],
  ['[4000::1]', 'unassigned'],
  ['[5f00::1]', 'segment routing'],
];

const accepts = (url: string, options: GuardOptions = {}): boolean => {
  try {
    createAddressGuard(options)(url);
    return true;
  } catch {
    return false;
  }
};

/** Whether a name with these addresses may be asked. */
const acceptsName = (url: string, addresses: string[], options: GuardOptions = {}): boolean => {
  try {
    const target = createAddressGuard(options)(url);
    for (const address of addresses) target.checkAddress(address);
    return !target.literal;
  } catch {
    return false;
  }
};

describe('literal addresses', () => {
  it.each(FORBIDDEN)('refuses %s (%s)', (host) => {
    expect(accepts(`https://${host}/jwks`)).toBe(false);
    expect(accepts(`https://${host}:8443/jwks`)).toBe(false);
    expect(accepts(`http://${host}/jwks`)).toBe(false);
  });

  it.each(['8.8.8.8', '0x08080808', '[2606:4700::1111]', '[::ffff:8.8.8.8]', '[64:ff9b::808:808]'])(
    'accepts the public %s',
    (host) => {
      expect(accepts(`https://${host}/`)).toBe(true);
    },
  );
});

describe('insecure loopback', () => {
  const insecureLoopback = true;

  it.each(['http://127.0.0.1:1', 'http://127.9.9.9', 'https://127.0.0.1', 'http://[::1]:1'])(
    'adds %s',
    (url) => {
      expect(accepts(url, { insecureLoopback })).toBe(true);
      expect(accepts(url)).toBe(false);
    },
  );

  const others = FORBIDDEN.map(([host]) => host).filter((host) => {
    const { hostname } = new URL(`https://${host}`);
    return !hostname.startsWith('127.') && hostname !== '[::1]';
  });

  it.each(others)('does not add %s', (host) => {
    expect(accepts(`https://${host}/`, { insecureLoopback })).toBe(false);
    expect(accepts(`http://${host}/`, { insecureLoopback })).toBe(false);
  });

  it('does not add plain http for other hosts', () => {
    expect(accepts('http://agent.example/', { insecureLoopback })).toBe(false);
    expect(accepts('http://8.8.8.8/', { insecureLoopback })).toBe(false);
    expect(accepts('http://127.0.0.1.example/', { insecureLoopback })).toBe(false);
  });

  it('lets localhost be at loopback and nowhere else, and no other name at loopback', () => {
    const at = (name: string, address: string): boolean =>
      acceptsName(`https://${name}/`, [address], { insecureLoopback });
    expect(at('localhost', '127.0.0.1')).toBe(true);
    expect(at('localhost', '::1')).toBe(true);
    expect(at('localhost', '8.8.8.8')).toBe(false);
    expect(at('localhost', '10.0.0.1')).toBe(false);
    expect(at('rebound.example', '127.0.0.1')).toBe(false);
    expect(at('app.localhost', '127.0.0.1')).toBe(false);
  });
});

describe('names', () => {
  it('accepts a name whose addresses are all public', () => {
    expect(acceptsName('https://a.example/', ['8.8.8.8', '2606:4700::1111'])).toBe(true);
  });

  it.each([
    [['8.8.8.8', '10.0.0.1']],
    [['fd00::1', '8.8.8.8']],
    [['::ffff:192.168.0.1']],
    [['fe80::1%eth0']],
    [['']],
  ])('refuses a name with the addresses %j', (addresses) => {
    expect(acceptsName('https://a.example/', addresses)).toBe(false);
  });
});

describe('the form of a URL', () => {
  it.each([
    'https://user@a.example/',
    'https://user:secret@a.example/',
    'https://:secret@a.example/',
    'https://a.example/#fragment',
    'https://a.example/#',
    'http://a.example/',
    'ftp://a.example/',
    'file:///etc/hosts',
    'data:application/json,{}',
    'blob:https://a.example/1',
    '//a.example/',
    '/jwks',
    '',
    `https://a.example/${'a'.repeat(2048)}`,
  ])('refuses %s', (url) => {
    expect(accepts(url)).toBe(false);
  });

  it('accepts https with a port, path and query', () => {
    expect(accepts('https://a.example:8443/keys/jwks.json?v=1')).toBe(true);
  });
});

describe('what an operator allows', () => {
  it('is a network for every name and address in it, and no other', () => {
    const allow = ['10.1.0.0/16', 'fd00:1::/32'];
    expect(accepts('https://10.1.2.3/', { allow })).toBe(true);
    expect(accepts('https://[::ffff:10.1.2.3]/', { allow })).toBe(true);
    expect(accepts('https://[fd00:1::5]/', { allow })).toBe(true);
    expect(accepts('https://10.2.0.1/', { allow })).toBe(false);
    expect(accepts('https://[fd00:2::5]/', { allow })).toBe(false);
    expect(accepts('http://10.1.2.3/', { allow })).toBe(false);
    expect(acceptsName('https://a.example/', ['10.1.0.9', '8.8.8.8'], { allow })).toBe(true);
    expect(acceptsName('https://a.example/', ['10.1.0.9', '10.2.0.9'], { allow })).toBe(false);
  });

  it('is a host at its port, wherever it is', () => {
    const allow = ['intranet.example', 'intranet.example:8443', '10.0.0.5', '[fd00::5]:444'];
    expect(acceptsName('https://intranet.example/', ['10.9.9.9'], { allow })).toBe(true);
    expect(acceptsName('https://intranet.example:8443/', ['127.0.0.1'], { allow })).toBe(true);
    expect(acceptsName('https://intranet.example:8444/', ['10.9.9.9'], { allow })).toBe(false);
    expect(acceptsName('https://sub.intranet.example/', ['10.9.9.9'], { allow })).toBe(false);
    expect(acceptsName('https://intranet.example/', ['0.0.0.0'], { allow })).toBe(false);
    expect(acceptsName('http://intranet.example/', ['10.9.9.9'], { allow })).toBe(false);
    expect(accepts('https://10.0.0.5/', { allow })).toBe(true);
    expect(accepts('https://10.0.0.6/', { allow })).toBe(false);
    expect(accepts('https://[fd00::5]:444/', { allow })).toBe(true);
  });

  it('may be narrowed to listed hosts, whose addresses are still checked', () => {
    const hosts = ['a.example'];
    expect(acceptsName('https://a.example/', ['8.8.8.8'], { hosts })).toBe(true);
    expect(acceptsName('https://a.example/', ['10.0.0.1'], { hosts })).toBe(false);
    expect(acceptsName('https://b.example/', ['8.8.8.8'], { hosts })).toBe(false);
    expect(accepts('http://127.0.0.1:1/', { hosts, insecureLoopback: true })).toBe(true);
  });

  it.each([
    'Intranet.example',
    'https://intranet.example',
    'intranet.example:443',
    'intranet.example.:x',
    '*.example',
    'a b',
    '',
    '10.1',
    'fd00::1',
    '10.0.0.1/8',
    '10/8',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '::ffff:10.0.0.0/104',
    'a.example/8',
  ])('refuses the entry %j when it is made', (entry) => {
    expect(() => createAddressGuard({ allow: [entry] })).toThrow(
      expect.objectContaining({ code: 'configuration_invalid' }),
    );
  });
});
