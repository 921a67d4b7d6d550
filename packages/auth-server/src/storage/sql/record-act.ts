import type { AuditEntry, NewAuditEntry } from '../../audit/audit-entry.js';
import { currentOperator } from '../../audit/acting-as.js';
import type { RequestScope } from '../../observability/request-scope.js';
import { PreparedQuery } from './prepared-query.js';
import { type Queries, scopeOf } from './sql-database.js';

/** Records an act for the audit trail, inside the write transaction that does it: both happen or neither. */
export function recordAct(queries: Queries, entry: NewAuditEntry): Promise<void> {
  return insert.later(queries, { text: textOf(entry, scopeOf(queries)) });
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

function textOf(told: NewAuditEntry, scope: RequestScope | undefined): string {
  const { time, act, by } = told;
  const operator = by === undefined && scope === undefined ? currentOperator() : undefined;
  const actor = by ?? (operator === undefined ? 'server' : 'operator');
  // Each by its name, which takes a third of the time of copying; what does not apply is left out of the text.
  const entry: { readonly [Member in keyof AuditEntry]-?: AuditEntry[Member] | undefined } = {
    time,
    act,
    by: actor,
    operator,
    account: told.account ?? undefined,
    agent: told.agent ?? undefined,
    delegate: told.delegate ?? undefined,
    audience: told.audience ?? undefined,
    scope: told.scope ?? undefined,
    rule: told.rule ?? undefined,
    grant: told.grant ?? undefined,
    means: told.means ?? undefined,
    token: told.token ?? undefined,
    parentToken: told.parentToken ?? undefined,
    parentIssuer: told.parentIssuer ?? undefined,
    key: told.key ?? undefined,
    issuer: told.issuer ?? undefined,
    sequence: told.sequence ?? undefined,
    schema: told.schema ?? undefined,
    policy: told.policy ?? undefined,
    request: scope?.requestId,
  };
  return JSON.stringify(entry);
}
