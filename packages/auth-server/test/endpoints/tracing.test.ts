import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tracingObserver } from '../../src/opentelemetry.js';
import { Bench } from './kit.js';

const exporter = new InMemorySpanExporter();

describe('spans', () => {
  let bench: Bench;
  beforeAll(() => {
    const spanProcessors = [new SimpleSpanProcessor(exporter)];
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });
  afterAll(() => {
    trace.disable();
    context.disable();
  });
  beforeEach(async () => {
    bench = await Bench.open({ server: { observer: tracingObserver() } });
    exporter.reset();
  });
  afterEach(() => bench.close());

  it('are one for the request, with those of its parts below it', async () => {
    const code = await bench.approvedCode();
    exporter.reset();
    expect((await bench.token({ request_type: 'code', code })).status).toBe(200);
    const spans = exporter.getFinishedSpans();
    const request = spans.at(-1);
    expect(spans.map(({ name }) => name)).toEqual([
      'verify request',
      'sign token',
      'POST /agent/token',
    ]);
    expect(request?.parentSpanContext).toBeUndefined();
    expect(request?.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/agent/token',
      'http.response.status_code': 200,
      'countersign.request_type': 'code',
      'countersign.agent': 'https://agent.example',
    });
    for (const part of spans.slice(0, -1)) {
      expect(part.parentSpanContext?.spanId).toBe(request?.spanContext().spanId);
    }
    expect(JSON.stringify(spans.map(({ attributes }) => attributes))).not.toContain(code);
  });

  it('continue the trace of a proxy that is trusted', async () => {
    const traceParent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const request = await bench.tokenRequest({ request_type: 'code', code: 'x' });
    await bench.send(request, { traceParent });
    const [span] = exporter.getFinishedSpans().slice(-1);
    expect(span?.spanContext().traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    expect(span?.parentSpanContext?.spanId).toBe('00f067aa0ba902b7');
    expect(span?.attributes).toMatchObject({ 'countersign.refusal': 'invalid_grant' });
  });

  it('do not continue one that a stranger sent', async () => {
    const request = await bench.tokenRequest({ request_type: 'code', code: 'x' }, bench.agent, {
      url: `${bench.issuer}/agent/token`,
    });
    request.headers.set('traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01');
    await bench.send(request);
    const [span] = exporter.getFinishedSpans().slice(-1);
    expect(span?.parentSpanContext).toBeUndefined();
    expect(span?.spanContext().traceId).not.toBe('4bf92f3577b34da6a3ce929d0e0e4736');
  });
});
