import { hashSecret, type ServerIdentifier } from '@countersign/protocol';
import { type OpenAccess, subjectIssuerOf } from '../access.js';

/** The person of an auth token. */
export interface TokenPerson {
  /** The auth server that issued the token. */
  readonly issuer: ServerIdentifier;
  readonly subject: string;
  /**
   * The auth server whose name for the person `subject` is: another one than `issuer` when an exchange carried it over
   * (PROTOCOL section 5.8). Equal names of two servers are two people.
   */
  readonly subjectIssuer: ServerIdentifier;
}

/** Whoever can be sent on a visit: an agent, perhaps a delegate of it, perhaps with a token of a person. */
export interface InteractionCaller {
  readonly agent: ServerIdentifier;
  readonly delegate: string | null;
  readonly person: TokenPerson | null;
}

/**
 * Who asks, as a visit is bound to them: by identity and not by key, since keys may rotate while a person visits.
 * `undefined` for one who has proved a key and nothing more.
 */
export function callerOf(access: OpenAccess): InteractionCaller | undefined {
  if (access.level === 'unsigned' || access.level === 'signature') return undefined;
  const { agent, delegate = null } = access;
  if (access.level === 'identity' || access.subject === undefined) {
    return { agent, delegate, person: null };
  }
  const { subject } = access;
  const { issuer } = access.token;
  return {
    agent,
    delegate,
    person: { issuer, subject, subjectIssuer: subjectIssuerOf(access.token) },
  };
}

const spelled = ({ agent, delegate, person }: InteractionCaller): unknown[] => [
  agent,
  delegate,
  person === null ? null : [person.issuer, person.subject, person.subjectIssuer],
];

/** Whether a code that was made for `one` may be presented by `other`. */
export function isSameCaller(one: InteractionCaller, other: InteractionCaller): boolean {
  return JSON.stringify(spelled(one)) === JSON.stringify(spelled(other));
}

/**
 * Under which key the caller's connection is kept. A person of a token is a name of its own; without one, an agent may
 * act for several people who cannot be told apart by anything it proves, so the session that the resource handed out
 * names the person. `undefined` when there is neither: nobody's connection.
 */
export async function connectionKey(
  connection: string,
  caller: InteractionCaller,
  session: string | undefined,
): Promise<string | undefined> {
  const { person } = caller;
  if (person === null && session === undefined) return undefined;
  const who = person === null ? ['session', session] : ['person'];
  return `connection:${await hashSecret(JSON.stringify([connection, spelled(caller), who]))}`;
}
