import { lookup, Resolver } from 'node:dns/promises';

/** The addresses of a name. Rejects when it has none, and at the latest when `signal` aborts. */
export type Resolve = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>;

/** One try, in milliseconds; there are two, the second twice as long. Leaves time for the request itself. */
const TRY_MS = 1000;

/**
 * Asks DNS for a name that a stranger chose. Not `dns.lookup`: that waits on the thread pool, two names at a time, so
 * that two names whose servers never answer would hold up every other name.
 * `servers` replaces the machine's name servers.
 */
export async function resolveByDns(
  hostname: string,
  signal: AbortSignal,
  servers?: readonly string[],
): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: TRY_MS, tries: 2 });
  if (servers !== undefined) resolver.setServers(servers);
  const cancel = (): void => resolver.cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const [four, six] = await Promise.allSettled([
      resolver.resolve4(hostname),
      resolver.resolve6(hostname),
    ]);
    const found = [four, six].flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    if (found.length === 0 && four.status === 'rejected') throw four.reason;
    return found;
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}

/** Asks the machine's resolver, hosts file included, for a name that the operator chose. */
export async function resolveBySystem(
  hostname: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  signal.throwIfAborted();
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
  const found = await Promise.race([lookup(hostname, { all: true }), aborted]);
  return found.map(({ address }) => address);
}
