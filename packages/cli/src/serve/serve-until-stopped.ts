import { listen, type Listener } from '../http/listen.js';
import type { Log } from '../observability/log.js';
import { note } from '../terminal.js';

/** A party that can answer. */
export interface Party {
  /** `Resource https://api.example`, for the line that says where it listens. */
  readonly title: string;
  readonly listener: Listener;
  /** Called when the signal has come and requests in flight are still being answered. */
  drain?(): void;
  /** Called once the last request has been answered. */
  stop?(): Promise<void>;
}

export interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly log: Log;
  /** The party writes a line for each answer itself. Default `false`. */
  readonly ownLines?: boolean;
  /**
   * Opens files and databases. Called once the port is ours, so that nothing is written when it is not; requests wait
   * until it is done.
   */
  readonly start: () => Promise<Party>;
}

/** Shorter than the ten seconds after which containers are killed, and longer than requests in flight are waited for. */
const STOPPED_WITHIN_MILLISECONDS = 9_500;

/** Serves until SIGTERM or SIGINT, then answers the requests in flight. A second signal ends the process at once. */
export async function serveUntilStopped(options: ServeOptions): Promise<void> {
  const { host, port, log, ownLines = false, start } = options;
  let party: Party | undefined;
  let settle: () => void = () => undefined;
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  // From here on: a signal while it starts ends it as soon as it has.
  const stopping = signalled();
  const early: Listener = (incoming, outgoing) => {
    void settled.then(() => {
      if (party === undefined) outgoing.writeHead(503).end();
      else party.listener(incoming, outgoing);
    });
  };
  const listener: Listener = (incoming, outgoing) => {
    (party?.listener ?? early)(incoming, outgoing);
  };
  const server = await listen(listener, {
    host,
    port,
    onAnswer: (line) => {
      if (!ownLines) log.answered(line);
    },
    onUnreadable: (unreadable) => {
      log.unreadable(unreadable);
    },
  });
  try {
    party = await start();
    settle();
    note(`${party.title} is listening on ${server.url}`);
    await stopping;
    note('Stopping: finishing the requests in flight.');
    party.drain?.();
  } finally {
    settle();
    await server.close();
    await party?.stop?.();
    log.end();
  }
}

/** For a database that does not let go: what has been answered is kept by it, and nothing else is owed to anybody. */
function endWhenLate(): void {
  const late = (): void => {
    note('Stopping took too long: ended without waiting any more.');
    process.exit(1);
  };
  setTimeout(late, STOPPED_WITHIN_MILLISECONDS).unref();
}

async function signalled(): Promise<void> {
  await new Promise<void>((resolve) => {
    const onSignal = (): void => {
      endWhenLate();
      process.once('SIGTERM', () => process.exit(1));
      process.once('SIGINT', () => process.exit(1));
      resolve();
    };
    process.once('SIGTERM', onSignal);
    process.once('SIGINT', onSignal);
  });
}
