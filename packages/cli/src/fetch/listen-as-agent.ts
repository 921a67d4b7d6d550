import { type FetchHandler, fetchListener } from '../http/fetch-listener.js';
import { type Listening, listen, PortTakenError } from '../http/listen.js';

const HOST = '127.0.0.1';
const PORTS = { from: 20_000, count: 10_000 };

/** A port for a key: the same one in every run, so that the agent's identity and its tokens stay good. */
function portFor(thumbprint: string): number {
  const number = Buffer.from(thumbprint, 'base64url').readUInt32BE(0);
  return PORTS.from + (number % PORTS.count);
}

/**
 * Publishes the agent on loopback: on the port that was asked for, 0 for any free one, or on the one that follows from
 * a key. When that is taken, perhaps by another run with the same key, any free one does.
 */
export async function listenAsAgent(
  handler: FetchHandler,
  port: number | { readonly follows: string },
): Promise<Listening> {
  const listener = fetchListener(handler);
  if (typeof port === 'number') {
    return await listen(listener, { host: HOST, port, portSetting: '--listen' });
  }
  try {
    return await listen(listener, { host: HOST, port: portFor(port.follows) });
  } catch (error) {
    if (!(error instanceof PortTakenError)) throw error;
    return await listen(listener, { host: HOST, port: 0 });
  }
}
