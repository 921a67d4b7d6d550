import { isIPv6 } from 'node:net';

/**
 * What counts as one address when attempts are limited: an IPv4 address, or the /64 of an IPv6 address, since one
 * household or one rented machine has all of it. An IPv4 address mapped into IPv6 is the IPv4 address.
 */
export function addressKey(address: string): string {
  if (!isIPv6(address)) return address;
  const withoutZone = address.split('%')[0] ?? address;
  const groups = sixteenBitGroups(withoutZone);
  const [high, low] = groups.slice(6);
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (mapped && high !== undefined && low !== undefined) {
    return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  }
  const prefix = groups.slice(0, 4).map((group) => group.toString(16));
  return `${prefix.join(':')}::/64`;
}

/** The eight groups. The URL parser does the reading: it writes every address in one form. */
function sixteenBitGroups(address: string): number[] {
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [before = '', after] = text.split('::');
  const left = before === '' ? [] : before.split(':');
  const right = after === undefined || after === '' ? [] : after.split(':');
  const zeros = Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].map((group) => Number.parseInt(group, 16));
}
