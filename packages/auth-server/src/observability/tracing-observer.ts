/** OpenTelemetry spans of an auth server. Needs `@opentelemetry/api` beside this package, and nothing else. */
import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import type { Observer, RequestStarted } from './observer.js';
import type { ServerEvent } from './server-event.js';

/**
 * A span per request, and one for each of its parts that takes time: verification, look-ups, operations on the database,
 * signing. The parts are told of when they are over; their spans are dated back. Where no SDK has been registered
 * nothing is recorded. The agent's identifier and the hosts that strangers name are attributes; secrets are none.
 *
 * @param tracer Default: the one that is registered for `@countersign/auth-server`.
 */
export function tracingObserver(
  tracer: Tracer = trace.getTracer('@countersign/auth-server'),
): Observer {
  return {
    onEvent: (event) => {
      const active = trace.getActiveSpan();
      if (active?.isRecording() !== true) return;
      if (event.type === 'request-finished') finish(active, event);
      else tellPart(tracer, active, event);
    },
    aroundRequest: (request, answer) => {
      const { endpoint, method, route, requestId, traceParent } = request;
      const attributes: Attributes = {
        'http.request.method': method,
        ...(route === undefined ? {} : { 'http.route': route }),
        'countersign.endpoint': endpoint,
        ...(requestId === undefined ? {} : { 'countersign.request_id': requestId }),
      };
      const parent = remoteParent(traceParent) ?? context.active();
      return tracer.startActiveSpan(
        nameOf(request),
        { kind: SpanKind.SERVER, attributes },
        parent,
        async (span) => {
          try {
            return await answer();
          } catch (error) {
            span.setStatus({ code: SpanStatusCode.ERROR });
            throw error;
          } finally {
            span.end();
          }
        },
      );
    },
  };
}

const nameOf = ({ method, route }: RequestStarted): string =>
  route === undefined ? method : `${method} ${route}`;

const TRACE_PARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

function remoteParent(traceParent: string | undefined): Context | undefined {
  const [, traceId, spanId, flags = '00'] = TRACE_PARENT.exec(traceParent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined) return undefined;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
  });
}

function finish(span: Span, event: Extract<ServerEvent, { type: 'request-finished' }>): void {
  const { status, outcome, requestType, agent } = event;
  span.setAttributes({
    'http.response.status_code': status,
    'countersign.outcome': outcome,
    ...(requestType === undefined ? {} : { 'countersign.request_type': requestType }),
    ...(agent === undefined ? {} : { 'countersign.agent': agent }),
    ...(status < 500 ? {} : { 'error.type': String(status) }),
  });
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
}

function tellPart(tracer: Tracer, active: Span, event: ServerEvent): void {
  switch (event.type) {
    case 'request-refused':
      active.setAttributes({
        'countersign.refusal': event.code,
        ...(event.rule === undefined ? {} : { 'countersign.rule': event.rule }),
      });
      return;
    case 'request-verified':
      part(tracer, 'verify request', event, event.result === 'refused', {});
      return;
    case 'discovery-lookup': {
      const failed = event.result === 'failed' || event.result === 'no-room';
      part(tracer, `look up ${event.document}`, event, failed, {
        'server.address': event.host,
        'countersign.result': event.result,
      });
      return;
    }
    case 'storage-operation':
      part(tracer, `database ${event.kind}`, event, event.result === 'failed', {
        'db.operation.name': event.kind,
      });
      return;
    case 'token-issued':
      part(tracer, 'sign token', event, false, {
        'countersign.token_kind': event.kind,
        'countersign.jti': event.jti,
      });
      return;
    case 'request-finished':
    case 'replay-refused':
    case 'sign-in':
    case 'question-asked':
    case 'question-decided':
    case 'storage-failed':
    case 'storage-recovered':
    case 'storage-closed':
    case 'swept':
    case 'audit-sealed':
    case 'server-started':
    case 'keys-encrypted':
      return;
  }
}

function part(
  tracer: Tracer,
  name: string,
  { durationMilliseconds }: { readonly durationMilliseconds: number },
  failed: boolean,
  attributes: Attributes,
): void {
  const end = Date.now();
  const span = tracer.startSpan(name, { startTime: end - durationMilliseconds, attributes });
  if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(end);
}
