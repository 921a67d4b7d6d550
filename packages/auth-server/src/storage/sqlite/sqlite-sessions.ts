import { noStream } from '../sql/no-stream.js';
import type { PromptConnection } from '../sql/prepared-query.js';
import type { GroupCommit } from './group-commit.js';
import type { SqliteConnection } from './sqlite-connection.js';

/** What whoever has the turn to write sees and does. */
export function writingSession(connection: SqliteConnection, group: GroupCommit): PromptConnection {
  const attempt = <T>(execute: () => T): T => {
    group.requireOpen();
    try {
      return execute();
    } catch (error) {
      group.noteFailure(error);
      throw error;
    }
  };
  return {
    executeAtOnce: (statement, first) => attempt(() => connection.executeAtOnce(statement, first)),
    executeQuery: async (query) => attempt(() => connection.executeNow(query)),
    streamQuery: noStream,
  };
}

/**
 * What has been committed, through a connection of its own. It may be on its way to the disk still: whoever committed it has
 * not been answered then, and nobody else has been promised anything. `require` throws when what would be seen is not to be
 * relied on.
 */
export function readingSession(
  connection: SqliteConnection,
  require: () => void,
): PromptConnection {
  return {
    executeAtOnce: (statement, first) => {
      require();
      return connection.lookAtOnce(statement, first);
    },
    executeQuery: async (query) => {
      require();
      return await connection.executeQuery(query);
    },
    streamQuery: noStream,
  };
}

/** The same in memory, where there is one connection: between the transactions on it. */
export function intermediateSession(
  connection: SqliteConnection,
  group: GroupCommit,
): PromptConnection {
  return {
    executeAtOnce: () => undefined,
    executeQuery: (query) => group.outside(() => connection.executeQuery(query)),
    streamQuery: noStream,
  };
}
