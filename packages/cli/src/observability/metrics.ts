import type { Observer, ServerEvent, Storage, StorageHealth } from '@countersign/auth-server';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What is asked at each scrape, beside what has been told. */
export interface MetricSources {
  readonly storage: Pick<Storage, 'health'>;
  /** Seconds since 1970. */
  readonly clock: () => number;
  /** The database's health, or undefined where it does not answer in time. */
  readonly health: () => Promise<StorageHealth | undefined>;
  readonly linesLeftOut: () => number;
}

export interface Metrics {
  readonly observer: Observer;
  readonly contentType: string;
  /** The text that Prometheus reads. Never waits longer than the sources do. */
  text(): Promise<string>;
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Metrics of an auth server. Labels take values from closed lists only: never an agent, a host or an account. */
export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const inFlight = gauge(registry, 'requests_in_flight', 'Requests that are being answered.');
  const tell = counters(registry);
  const scrape = gauges(registry, sources);
  return {
    observer: {
      onEvent: tell,
      aroundRequest: async (_request, answer) => {
        inFlight.inc();
        try {
          return await answer();
        } finally {
          inFlight.dec();
        }
      },
    },
    contentType: registry.contentType,
    text: async () => {
      await scrape();
      return await registry.metrics();
    },
  };
}

function gauge<Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly Label[] = [],
): Gauge<Label> {
  return new Gauge({ name: `countersign_${name}`, help, labelNames, registers: [registry] });
}

/** Everything that is counted or timed as it is told. */
function counters(registry: Registry): (event: ServerEvent) => void {
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name: `countersign_${name}_total`, help, labelNames, registers: [registry] });
  const duration = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Histogram({
      name: `countersign_${name}_duration_seconds`,
      help,
      labelNames,
      buckets: SECONDS,
      registers: [registry],
    });
  const requests = counter('requests', 'Requests answered.', [
    'endpoint',
    'request_type',
    'outcome',
  ]);
  const requestTime = duration('request', 'Time to answer a request.', ['endpoint']);
  const refusals = counter('refusals', 'Requests refused, by the code of the error.', ['code']);
  const replays = counter('replays_refused', 'Requests that had been made before.');
  const verifyTime = duration('verification', 'Time to verify a request.', ['result']);
  const signIns = counter('sign_ins', 'Attempts of people to sign in.', ['result']);
  const asked = counter('questions_asked', 'Questions asked of people.', ['kind']);
  const decided = counter('questions_decided', 'Questions people decided.', ['outcome']);
  const tokens = counter('tokens_issued', 'Auth tokens issued.', ['kind']);
  const signTime = duration('token_signing', 'Time to sign an auth token.');
  const lookups = counter('discovery_lookups', 'Documents of others that were needed.', [
    'document',
    'result',
  ]);
  const lookupTime = duration('discovery_fetch', 'Time to ask another host for a document.', [
    'result',
  ]);
  const operations = counter('storage_operations', 'Operations on the database.', [
    'kind',
    'result',
  ]);
  const operationTime = duration('storage_operation', 'Time of an operation on the database.', [
    'kind',
  ]);
  const failures = counter('storage_failures', 'Times the database went away.');
  const swept = counter('swept_rows', 'Expired rows deleted.');
  const trail = gauge(registry, 'audit_sequence', 'The latest audit entry chained here.');
  return (event) => {
    switch (event.type) {
      case 'request-finished':
        requests.inc({
          endpoint: event.endpoint,
          request_type: event.requestType ?? 'none',
          outcome: event.outcome,
        });
        requestTime.observe({ endpoint: event.endpoint }, event.durationMilliseconds / 1000);
        return;
      case 'request-refused':
        return refusals.inc({ code: event.code });
      case 'replay-refused':
        return replays.inc();
      case 'request-verified':
        return verifyTime.observe({ result: event.result }, event.durationMilliseconds / 1000);
      case 'sign-in':
        return signIns.inc({ result: event.result });
      case 'question-asked':
        return asked.inc({ kind: event.kind });
      case 'question-decided':
        return decided.inc({ outcome: event.outcome });
      case 'token-issued':
        tokens.inc({ kind: event.kind });
        return signTime.observe(event.durationMilliseconds / 1000);
      case 'discovery-lookup': {
        const { document, result, durationMilliseconds } = event;
        lookups.inc({ document, result });
        if (result === 'cached' || result === 'failed-before' || result === 'no-room') return;
        return lookupTime.observe({ result }, durationMilliseconds / 1000);
      }
      case 'storage-operation':
        operations.inc({ kind: event.kind, result: event.result });
        return operationTime.observe({ kind: event.kind }, event.durationMilliseconds / 1000);
      case 'storage-failed':
        return failures.inc();
      case 'swept':
        return swept.inc(event.rows);
      case 'audit-sealed':
        return trail.set(event.sequence);
      case 'storage-recovered':
      case 'storage-closed':
      case 'server-started':
      case 'keys-encrypted':
        return;
    }
  };
}

/** Everything that is looked at when it is asked for. */
function gauges(registry: Registry, sources: MetricSources): () => Promise<void> {
  const up = gauge(registry, 'storage_up', '1 while the database answers.');
  const undecided = gauge(registry, 'questions_undecided', 'Questions nobody has decided yet.');
  const keyAge = gauge(registry, 'signing_key_age_seconds', 'Age of the newest key in a state.', [
    'state',
  ]);
  const pool = gauge(registry, 'storage_pool_connections', 'PostgreSQL connections.', ['state']);
  const waiting = gauge(registry, 'storage_pool_waiting', 'Operations waiting for a connection.');
  const leftOut = gauge(registry, 'log_lines_left_out', 'Lines of the log that were left out.');
  return async () => {
    const { storage, clock, health, linesLeftOut } = sources;
    const now = clock();
    const found = await health();
    up.set(found === undefined ? 0 : 1);
    leftOut.set(linesLeftOut());
    const use = storage.health.poolUse();
    if (use !== undefined) {
      pool.set({ state: 'idle' }, use.idle);
      pool.set({ state: 'used' }, use.open - use.idle);
      waiting.set(use.waiting);
    }
    if (found === undefined) return;
    undecided.set(found.undecidedQuestions);
    keyAge.reset();
    for (const { state, createdAt } of found.signingKeys.toSorted(
      (one, other) => one.createdAt - other.createdAt,
    )) {
      keyAge.set({ state }, Math.max(0, now - createdAt));
    }
  };
}
