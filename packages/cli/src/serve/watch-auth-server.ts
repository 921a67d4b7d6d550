import { type Observer, observers, type ServerEvent, type Storage } from '@countersign/auth-server';
import { systemClock } from '@countersign/protocol';
import type { Listening } from '../http/listen.js';
import type { Log } from '../observability/log.js';
import type { AuthServerValues } from '../settings/auth-server-settings.js';
import type { Readiness } from '../observability/readiness.js';
import { note } from '../terminal.js';

/** Log, metrics, spans and management port of one auth server. */
export interface Watching {
  /** For the database, which is opened first. */
  readonly onEvent: (event: ServerEvent) => void;
  /** Everything that watches requests, once there is a database to ask. Opens the management port. */
  open(storage: Storage): Promise<Observer>;
  /** From now on nobody should send more. */
  drain(): void;
  close(): Promise<void>;
}

/** Set by the first SDK that is registered, as every copy of the API of version 1 does. */
const OPENTELEMETRY = Symbol.for('opentelemetry.js.api.1');

/** Only what is asked for is loaded: each of the libraries costs time at the start. */
export function watchAuthServer(log: Log, options: AuthServerValues): Watching {
  const { managementPort, managementHost } = options;
  let observer: Observer = {
    onEvent: (event) => {
      log.event(event);
    },
  };
  let management: Listening | undefined;
  let readiness: Readiness | undefined;
  return {
    onEvent: (event) => {
      observer.onEvent(event);
    },
    open: async (storage) => {
      const all = [observer];
      if (managementPort !== undefined) {
        const { createReadiness } = await import('../observability/readiness.js');
        const { createMetrics } = await import('../observability/metrics.js');
        const { openManagement } = await import('../observability/management.js');
        const clock = systemClock;
        const ready = createReadiness(storage, { clock });
        readiness = ready;
        const metrics = createMetrics({
          storage,
          clock,
          health: () => ready.health(),
          linesLeftOut: () => log.linesLeftOut,
        });
        management = await openManagement({
          host: managementHost,
          port: managementPort,
          readiness: ready,
          metrics,
        });
        all.push(metrics.observer);
        note(`Health and metrics are on ${management.url}`);
      }
      if (OPENTELEMETRY in globalThis) {
        const { tracingObserver } = await import('@countersign/auth-server/opentelemetry');
        all.unshift(tracingObserver());
      }
      if (all.length > 1) observer = observers(...all);
      return observer;
    },
    drain: () => {
      readiness?.drain();
    },
    close: async () => {
      await management?.close();
    },
  };
}
