import {
  type IdentifierOptions,
  isServerIdentifier,
  type ServerIdentifier,
} from '../identifiers.js';
import { isJsonObject, type JsonObject } from '../json.js';

/** One who acted before the bearer of an auth token, as that token's issuer vouches (PROTOCOL section 5.8). */
export interface Actor {
  readonly agent: ServerIdentifier;
  readonly delegate: string | undefined;
  /** The person this actor acted for; opaque, and unique to `issuer` only. */
  readonly subject: string | undefined;
  /** The auth server that issued the token this actor acted with. */
  readonly issuer: ServerIdentifier;
}

/** The longest chain that is read, and the most that an auth server may be configured to make. */
export const MAX_ACTORS = 16;

const MAX_TEXT_LENGTH = 2048;

/**
 * Reads an `act` claim into the chain it stands for, the most recent actor first. Without an `iss` of its own a link
 * belongs to the issuer of the link around it, and the outermost to `issuer`. Members that the chain does not have a
 * meaning for are passed over. Returns `undefined` for anything malformed and for more than {@link MAX_ACTORS} links.
 */
export function readActors(
  act: unknown,
  issuer: ServerIdentifier,
  options: IdentifierOptions,
): readonly Actor[] | undefined {
  const actors: Actor[] = [];
  let current = issuer;
  for (let link = act; link !== undefined;) {
    if (!isJsonObject(link) || actors.length >= MAX_ACTORS) return undefined;
    const { agent, agent_delegate: delegate, sub: subject, iss = current, act: next } = link;
    if (!isIdentifier(agent, options) || !isIdentifier(iss, options)) return undefined;
    if (!isOptionalText(delegate) || !isOptionalText(subject)) return undefined;
    current = iss;
    actors.push({ agent, delegate, subject, issuer: current });
    link = next;
  }
  return actors;
}

/** Writes a chain as the `act` claim of a token that `issuer` issues; `undefined` for an empty one. */
export function actClaim(
  actors: readonly Actor[],
  issuer: ServerIdentifier,
): JsonObject | undefined {
  const [first, ...others] = actors;
  if (first === undefined) return undefined;
  const act = actClaim(others, first.issuer);
  return {
    agent: first.agent,
    ...(first.delegate === undefined ? {} : { agent_delegate: first.delegate }),
    ...(first.subject === undefined ? {} : { sub: first.subject }),
    ...(first.issuer === issuer ? {} : { iss: first.issuer }),
    ...(act === undefined ? {} : { act }),
  };
}

function isIdentifier(value: unknown, options: IdentifierOptions): value is ServerIdentifier {
  return typeof value === 'string' && isServerIdentifier(value, options);
}

function isOptionalText(value: unknown): value is string | undefined {
  return (
    value === undefined ||
    (typeof value === 'string' && value !== '' && value.length <= MAX_TEXT_LENGTH)
  );
}
