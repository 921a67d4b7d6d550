import ipaddr from 'ipaddr.js';

/** An IP address as the network will treat it. */
export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A network in CIDR form. */
export type Network = readonly [Address, number];

const NAT64: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('64:ff9b::'), 96];
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/**
 * Parses an address as resolvers and `URL.hostname` write them; `undefined` for anything else. IPv6 addresses that
 * carry an IPv4 destination (mapped, and RFC 6052's well-known translation prefix) become that IPv4 address, so that
 * there is one judgement about it.
 */
export function parseAddress(text: string): Address | undefined {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  if (ipaddr.IPv4.isValidFourPartDecimal(bare)) return ipaddr.IPv4.parse(bare);
  if (!bare.includes(':') || bare.includes('%') || !ipaddr.IPv6.isValid(bare)) return undefined;
  const address = ipaddr.IPv6.parse(bare);
  if (address.isIPv4MappedAddress() || address.match(NAT64)) {
    return new ipaddr.IPv4(address.toByteArray().slice(12));
  }
  return address;
}

/**
 * The name of the range an address lies in; `public` for those that the internet routes, and for no others. An IPv6
 * address outside 2000::/3 is never public, whatever the table says: that leaves out `::127.0.0.1` and everything
 * not assigned yet. 6to4 and Teredo addresses tunnel to an IPv4 address of the sender's choice and are not public.
 */
export function rangeOf(address: Address): string {
  const range: string = address.range();
  if (range !== 'unicast') return range;
  return address.kind() === 'ipv4' || address.match(GLOBAL_UNICAST) ? 'public' : 'unassigned';
}

/** Parses a network such as `10.0.0.0/8`; `undefined` when it is not written in full, or has bits outside its mask. */
export function parseNetwork(text: string): Network | undefined {
  const [base = '', ...rest] = text.split('/');
  const address = parseAddress(base);
  if (address === undefined || rest.length !== 1 || !/^\d{1,3}$/.test(rest[0] ?? '')) {
    return undefined;
  }
  const family = address.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6;
  if (!family.isValidCIDR(text)) return undefined;
  const first = family.networkAddressFromCIDR(text);
  return first.toString() === address.toString() ? [address, Number(rest[0])] : undefined;
}

/** True when `address` lies in `network`. */
export function isWithin(address: Address, [base, bits]: Network): boolean {
  return address.kind() === base.kind() && address.match(base, bits);
}
