import { parseUrl } from '@countersign/protocol';

/**
 * What counts as one address: an IPv4 address, or the /64 of an IPv6 address, since one household or one rented machine
 * has all of it. An IPv4 address mapped into IPv6 is the IPv4 address. What is no address counts as it is written.
 */
export function addressKey(address: string): string {
  const groups = sixteenBitGroups(address.split('%')[0] ?? '');
  if (groups === undefined) return address;
  const [high = 0, low = 0] = groups.slice(6);
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped) return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const prefix = groups.slice(0, 4).map((group) => group.toString(16));
  return `${prefix.join(':')}::/64`;
}

/** The eight groups of an IPv6 address. The URL parser does the reading: it writes every address in one form. */
function sixteenBitGroups(address: string): number[] | undefined {
  if (!/^[0-9a-fA-F:.]+$/.test(address)) return undefined;
  const url = parseUrl(`http://[${address}]`);
  if (url === undefined) return undefined;
  const [before = '', after] = url.hostname.slice(1, -1).split('::');
  const left = before === '' ? [] : before.split(':');
  const right = after === undefined || after === '' ? [] : after.split(':');
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16));
}
