import type { NewAuditEntry } from '../../audit/audit-entry.js';
import { currentOperator } from '../../audit/acting-as.js';
import type { RequestScope } from '../../observability/request-scope.js';
import { PreparedQuery } from './prepared-query.js';
import { type Queries, scopeOf } from './sql-database.js';

/** Records an act for the audit trail, inside the write transaction that does it: both happen or neither. */
export async function recordAct(queries: Queries, entry: NewAuditEntry): Promise<void> {
  await insert.later(queries, { text: textOf(entry, scopeOf(queries)) });
}

const insert = new PreparedQuery((queries, { text }: { text: string }) =>
  queries.insertInto('auditPending').values({ text }),
);

/** {@link recordAct} for several, in this order. */
export async function recordActs(
  queries: Queries,
  entries: readonly NewAuditEntry[],
): Promise<void> {
  for (const entry of entries) await recordAct(queries, entry);
}

function textOf(
  { time, act, by, ...rest }: NewAuditEntry,
  scope: RequestScope | undefined,
): string {
  const operator = by === undefined && scope === undefined ? currentOperator() : undefined;
  const actor = by ?? (operator === undefined ? 'server' : 'operator');
  const request = scope?.requestId;
  const entry: Record<string, unknown> = { time, act, by: actor, operator };
  // What does not apply is absent.
  for (const [name, value] of Object.entries(rest)) entry[name] = value ?? undefined;
  entry['request'] = request;
  return JSON.stringify(entry);
}
