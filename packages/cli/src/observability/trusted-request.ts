import type { IncomingMessage } from 'node:http';
import { isTrustedPeer, type TrustedProxies } from '../http/client-address.js';

/** What a proxy in front may say of a request. */
export interface Forwarded {
  readonly requestId?: string;
  readonly traceParent?: string;
}

const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:+/=-]{0,127}$/;
const TRACE_PARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * Reads `X-Request-Id` and `traceparent` of a proxy that is trusted. Anybody else's are ignored, and so are values that
 * are too long or have other characters. Without an `X-Request-Id` the trace's id is the request's.
 */
export function readForwarded(incoming: IncomingMessage, trusted: TrustedProxies): Forwarded {
  if (!isTrustedPeer(incoming, trusted)) return {};
  const { 'x-request-id': id, traceparent } = incoming.headers;
  const [traceParent, traceId] =
    (typeof traceparent === 'string' ? TRACE_PARENT.exec(traceparent) : null) ?? [];
  const requestId = typeof id === 'string' && REQUEST_ID.test(id) ? id : traceId;
  return {
    ...(requestId === undefined ? {} : { requestId }),
    ...(traceParent === undefined ? {} : { traceParent }),
  };
}
