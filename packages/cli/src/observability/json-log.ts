import type { ServerEvent } from '@countersign/auth-server';
import { type DestinationStream, pino } from 'pino';
import { takeNotes } from '../terminal.js';
import { cleanText } from './clean-text.js';
import { LineLimit } from './line-limit.js';
import type { Log, LogLevel } from './log.js';

type Fields = Readonly<Record<string, string | number>>;

const MAX_STACK = 4_096;

/**
 * One JSON object a line. Every field is named here: nothing that a stranger or a person sent is written but hosts and
 * identifiers, cleaned and cut.
 */
export function jsonLog(level: LogLevel, destination: DestinationStream = process.stderr): Log {
  const lines = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const write = (at: LogLevel, message: string, fields: object = {}): void => {
    lines[at](clean(fields), cleanText(message));
  };
  let linesLeftOut = 0;
  const limit = new LineLimit({
    onLeftOut: (count) => {
      linesLeftOut += count;
      write('warn', 'lines left out', { count });
    },
  });
  takeNotes((line) => {
    if (line.startsWith('WARNING: ')) write('warn', line.slice('WARNING: '.length));
    else write('info', line);
  });
  return {
    answered: ({ peer, method, target, status }) => {
      const [path = ''] = target.split('?', 1);
      if (status >= 400 && status < 500 && !limit.admits()) return;
      write(levelOf(status), 'request', { client: peer, method, path, status });
    },
    unreadable: ({ peer, status, reason }) => {
      if (limit.admits()) write('info', 'unreadable request', { client: peer, status, reason });
    },
    refused: ({ code, rule, detail, requestId, cause }) => {
      const ours = code === 'server_error' || code === 'temporarily_unavailable';
      if (!ours && !limit.admits()) return;
      const fault = code === 'server_error' && cause instanceof Error ? cause : undefined;
      write(ours ? 'error' : 'info', 'refused', {
        requestId,
        code,
        rule,
        detail,
        ...(fault === undefined ? {} : { stack: fault.stack ?? fault.message }),
      });
    },
    event: (event) => {
      const at = eventLevel(event);
      if (at === undefined) return;
      const { type, ...fields } = event;
      if (isStrangers(event) && !limit.admits()) return;
      write(at, type === 'request-finished' ? 'request' : type, rounded(fields));
    },
    get linesLeftOut() {
      return linesLeftOut;
    },
    end: () => {
      limit.tell();
    },
  };
}

/** What anybody can cause without having been admitted to anything. */
function isStrangers(event: ServerEvent): boolean {
  if (event.type === 'request-finished') return event.status >= 400 && event.status < 500;
  if (event.type === 'sign-in') return event.result !== 'succeeded';
  return event.type === 'discovery-lookup';
}

const levelOf = (status: number): LogLevel => (status >= 500 ? 'error' : 'info');

/** Undefined for what `refused` has written already. */
function eventLevel(event: ServerEvent): LogLevel | undefined {
  switch (event.type) {
    case 'request-refused':
    case 'replay-refused':
      return undefined;
    case 'request-finished':
      return levelOf(event.status);
    case 'storage-failed':
      return 'error';
    case 'storage-recovered':
      return 'warn';
    case 'storage-operation':
    case 'request-verified':
    case 'swept':
      return 'debug';
    case 'discovery-lookup':
      return event.result === 'cached' ? 'debug' : 'info';
    case 'sign-in':
    case 'question-asked':
    case 'question-decided':
    case 'token-issued':
    case 'server-started':
    case 'storage-closed':
    case 'audit-sealed':
    case 'keys-encrypted':
      return 'info';
  }
}

function rounded(event: object): object {
  const { durationMilliseconds, afterMilliseconds, ...fields }: Partial<DurationFields> = event;
  const round = (one: number): number => Math.round(one * 100) / 100;
  return {
    ...fields,
    ...(durationMilliseconds === undefined ? {} : { ms: round(durationMilliseconds) }),
    ...(afterMilliseconds === undefined ? {} : { afterMs: round(afterMilliseconds) }),
  };
}

interface DurationFields {
  readonly durationMilliseconds: number;
  readonly afterMilliseconds: number;
}

/** Keeps texts and numbers, every text on one line and of bounded length. */
function clean(fields: object): Fields {
  const all: [string, string | number][] = [];
  for (const [name, value] of Object.entries(fields) as [string, unknown][]) {
    if (typeof value === 'number') all.push([name, value]);
    else if (typeof value === 'string') {
      // JSON keeps the line whole; a stack needs its line ends.
      all.push([name, name === 'stack' ? value.slice(0, MAX_STACK) : cleanText(value)]);
    }
  }
  return Object.fromEntries(all);
}
