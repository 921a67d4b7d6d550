import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { readTrustedProxies } from '../../src/http/client-address.js';
import { readForwarded } from '../../src/observability/trusted-request.js';

const PROXIES = readTrustedProxies(['10.0.0.0/8']);
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

function read(headers: Record<string, string>, remoteAddress = '10.0.0.1') {
  const incoming = { headers, socket: { remoteAddress } } as unknown as IncomingMessage;
  return readForwarded(incoming, PROXIES);
}

describe('what a proxy says of a request', () => {
  it('is taken over from a proxy that is trusted', () => {
    expect(read({ 'x-request-id': 'abc-1', traceparent: TRACE })).toEqual({
      requestId: 'abc-1',
      traceParent: TRACE,
    });
  });

  it('is ignored from anybody else', () => {
    expect(read({ 'x-request-id': 'abc-1', traceparent: TRACE }, '192.0.2.1')).toEqual({});
  });

  it('gives the request the id of its trace where it has none of its own', () => {
    expect(read({ traceparent: TRACE }).requestId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
  });

  it.each(['', ' ', 'a b', 'a\nb', 'x'.repeat(129), '<script>', 'é'])(
    'is ignored as an id when it is %j',
    (id) => {
      expect(read({ 'x-request-id': id })).toEqual({});
    },
  );

  it.each([
    TRACE.replace('00-', '01-'),
    TRACE.toUpperCase(),
    `${TRACE}-more`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
  ])('is ignored as a trace when it is %j', (traceparent) => {
    expect(read({ traceparent })).toEqual({});
  });
});
