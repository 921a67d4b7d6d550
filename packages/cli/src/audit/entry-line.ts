import type { AuditEntry } from '@countersign/auth-server';
import { cleanText } from '../observability/clean-text.js';

/** One line of a terminal: number, time, act, who, about what, and the ids to search on with. */
export function entryLine(
  sequence: number,
  entry: AuditEntry,
  people: ReadonlyMap<string, string>,
): string {
  const { time, act, by, operator, agent, delegate, audience, scope, rule } = entry;
  const { account, grant, means, token, parentToken, key, issuer, schema, policy, request } = entry;
  const when = shownTime(time);
  const person = account === undefined ? undefined : (people.get(account) ?? account);
  const who = operator ?? (by === 'person' ? person : by);
  const named = {
    ...(by === 'person' && operator === undefined ? {} : { user: person }),
    agent: delegate === undefined ? agent : `${agent} (${delegate})`,
    at: audience,
    scope: scope === '' ? undefined : scope,
    means,
    rule,
    key,
    issuer,
    schema,
    policy,
    grant,
    token,
    from: parentToken,
    through: entry.sequence,
    request,
  };
  const about = Object.entries(named)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${quoted(cleanText(String(value)))}`)
    .join('');
  return `${String(sequence).padStart(6)}  ${when}  ${cleanText(act).padEnd(17)} ${cleanText(String(who ?? by))}:${about}`;
}

/** A time beyond the calendar was written by hand. */
function shownTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return String(seconds);
  return date.toISOString().replace('T', ' ').replace('.000', '');
}

const quoted = (text: string): string => (/[\s"]/.test(text) ? JSON.stringify(text) : text);
