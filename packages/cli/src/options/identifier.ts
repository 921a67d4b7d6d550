import { isServerIdentifier } from '@countersign/protocol';
import { UsageError } from '../command-error.js';
import { isReachablePort } from './reachable-port.js';

/** Returns a server identifier as given, or says which setting is wrong, what it was and what is allowed. */
export function readIdentifier(setting: string, value: string, insecureLoopback: boolean): string {
  if (isServerIdentifier(value, { insecureLoopback })) return value;
  throw new UsageError(
    `${setting} is "${value}": ` +
      (isServerIdentifier(value, { insecureLoopback: true })
        ? 'plain http is for development only. Add --insecure-loopback, or use an https origin.'
        : 'it must be an https origin such as https://server.example: lower-case, without path, trailing slash ' +
          'or default port. On loopback http works too, with --insecure-loopback.'),
  );
}

/**
 * A server's identifier and port. On loopback one follows from the other while it is left out; elsewhere the port is
 * the default one, since a proxy stands before it.
 */
export function readAddress(
  setting: string,
  given: { readonly id: string | undefined; readonly port: number | undefined },
  defaultPort: number,
  insecureLoopback: boolean,
): { readonly id: string; readonly port: number } {
  if (given.id === undefined) {
    const port = given.port ?? defaultPort;
    const id = readIdentifier(setting, `http://127.0.0.1:${port}`, insecureLoopback);
    requireReachable(id, '--port', port);
    return { id, port };
  }
  const id = readIdentifier(setting, given.id, insecureLoopback);
  const { protocol, port } = new URL(id);
  requireReachable(id, setting, port === '' ? undefined : Number(port));
  const own = protocol === 'http:' ? Number(port === '' ? 80 : port) : defaultPort;
  return { id, port: given.port ?? own };
}

function requireReachable(id: string, setting: string, port: number | undefined): void {
  if (port === undefined || isReachablePort(port)) return;
  throw new UsageError(
    `${setting} is "${setting === '--port' ? port : id}": browsers and other clients ask nobody at port ${port}, ` +
      'which belongs to another protocol. Choose another.',
  );
}
