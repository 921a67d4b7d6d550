import ipaddr from 'ipaddr.js';
import type { IncomingMessage } from 'node:http';
import { UsageError } from '../command-error.js';

/** Networks whose `X-Forwarded-For` is believed. */
export type TrustedProxies = readonly (readonly [ipaddr.IPv4 | ipaddr.IPv6, number])[];

/** Reads networks in CIDR notation, or single addresses; `setting` is how the operator calls them. */
export function readTrustedProxies(
  networks: readonly string[],
  setting = '--trusted-proxy',
): TrustedProxies {
  return networks.map((network) => {
    try {
      if (network.includes('/')) return ipaddr.parseCIDR(network);
      const address = ipaddr.process(network);
      return [address, address.kind() === 'ipv4' ? 32 : 128] as const;
    } catch {
      throw new UsageError(
        `${setting} is "${network}": it takes an address or a network such as 10.0.0.0/8.`,
      );
    }
  });
}

function isTrusted(address: string, trusted: TrustedProxies): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return trusted.some(
    ([network, bits]) => parsed.kind() === network.kind() && parsed.match(network, bits),
  );
}

/**
 * The address a request came from: the connection's, or, behind proxies that are trusted, the last one in
 * `X-Forwarded-For` that is not itself one of them.
 */
export function clientAddress(incoming: IncomingMessage, trusted: TrustedProxies): string {
  let address = incoming.socket.remoteAddress ?? 'unknown';
  if (trusted.length === 0) return address;
  const forwarded = [incoming.headers['x-forwarded-for'] ?? []]
    .flat()
    .flatMap((line) => line.split(','))
    .map((one) => one.trim());
  while (isTrusted(address, trusted) && forwarded.length > 0) {
    const next = forwarded.pop() ?? '';
    if (!ipaddr.isValid(next)) break;
    address = next;
  }
  return address;
}

/** Whether the connection itself comes from a proxy that is trusted. */
export function isTrustedPeer(incoming: IncomingMessage, trusted: TrustedProxies): boolean {
  return trusted.length > 0 && isTrusted(incoming.socket.remoteAddress ?? '', trusted);
}
