import type { ServerEvent } from '@countersign/auth-server';
import type { AAuthError } from '@countersign/protocol';
import type { AccessLine } from '../http/listen.js';
import type { UnreadableRequest } from '../http/unreadable-request.js';

export const LOG_FORMATS = ['text', 'json'] as const;
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LogOptions {
  readonly format: (typeof LOG_FORMATS)[number];
  readonly level: LogLevel;
}

/** Where a server writes what happens: standard error, as text or as lines of JSON. */
export interface Log {
  /** An answer has been sent. */
  answered(line: AccessLine): void;
  /** Something came that is no HTTP request; no party has seen it. */
  unreadable(request: UnreadableRequest): void;
  refused(error: AAuthError): void;
  event(event: ServerEvent): void;
  /** How many lines have been left out because strangers caused too many. */
  readonly linesLeftOut: number;
  /** Says what is still to be said. */
  end(): void;
}

/** The log that the settings ask for. The JSON one also takes what is said with `note`. */
export async function openLog({ format, level }: LogOptions): Promise<Log> {
  if (format === 'json') {
    const { jsonLog } = await import('./json-log.js');
    return jsonLog(level);
  }
  const { textLog } = await import('./text-log.js');
  return textLog(level);
}
