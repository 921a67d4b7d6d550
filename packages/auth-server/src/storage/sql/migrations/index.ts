import type { Queries } from '../sql-database.js';
import type { Dialect } from '../sql-engine.js';
import { attempts } from './attempts.js';
import { audit } from './audit.js';
import { delegation } from './delegation.js';
import { documents } from './documents.js';
import { indexes } from './indexes.js';
import { limits } from './limits.js';
import { people } from './people.js';
import { replay } from './replay.js';
import { rotation } from './rotation.js';

/** A step of the schema. Once released it never changes: what comes later is another step. */
export interface Migration {
  readonly name: string;
  readonly up: (queries: Queries, dialect: Dialect) => Promise<void>;
}

/** In order; the version of a database is how many of these it has. */
export const migrations: readonly Migration[] = [
  { name: 'people', up: people },
  { name: 'delegation', up: delegation },
  { name: 'attempts', up: attempts },
  { name: 'replay', up: replay },
  { name: 'documents', up: documents },
  { name: 'limits', up: limits },
  { name: 'rotation', up: rotation },
  { name: 'audit', up: audit },
  { name: 'indexes', up: indexes },
];
