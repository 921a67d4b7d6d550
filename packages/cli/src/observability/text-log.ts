import { serverLine } from '../http/access-line.js';
import { noteRefusal } from '../serve/refusal-line.js';
import { note } from '../terminal.js';
import { LineLimit } from './line-limit.js';
import type { Log, LogLevel } from './log.js';

/** Access lines and refusals for a person who reads along. `warn` and `error` leave these out. */
export function textLog(level: LogLevel): Log {
  let linesLeftOut = 0;
  const limit = new LineLimit({
    onLeftOut: (count) => {
      linesLeftOut += count;
      note(`LEFT OUT: ${count} lines about refused requests`);
    },
  });
  const quiet = level === 'warn' || level === 'error';
  return {
    answered: (line) => {
      if (quiet && line.status < 500) return;
      const refused = line.status >= 400 && line.status < 500;
      if (!refused || limit.admits()) note(serverLine(line));
    },
    unreadable: ({ peer, status, reason }) => {
      if (!quiet && limit.admits())
        note(`INFO:     ${peer} - no HTTP request: ${status} ${reason}`);
    },
    refused: (error) => {
      const ours = error.code === 'server_error' || error.code === 'temporarily_unavailable';
      if (ours || (!quiet && limit.admits())) noteRefusal(error);
    },
    event: (event) => {
      if (event.type === 'storage-recovered') {
        note(`STORAGE:  back after ${(event.afterMilliseconds / 1000).toFixed(1)} s`);
      } else if (event.type === 'storage-failed') {
        note(`STORAGE:  ${event.reason}`);
      } else if (event.type === 'keys-encrypted') {
        note(`KEYS:     encrypted now that were not before: ${event.kids.join(', ')}`);
      }
    },
    get linesLeftOut() {
      return linesLeftOut;
    },
    end: () => {
      limit.tell();
    },
  };
}
