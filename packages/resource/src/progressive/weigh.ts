import { AAuthError, type Caller, scopeCovers } from '@countersign/protocol';
import { accessOf, type OpenAccess } from '../access.js';
import { isLimitedByDetails } from '../approved-details.js';
import { expired, type TokenRequest } from '../decide.js';
import { type Level, LEVEL_NAMES, type LevelName, type ProgressiveRule } from './levels.js';

/** What a caller may be asked for. */
export type Ask = 'signature' | 'identity' | TokenRequest;

/** What is to be done with a request to a progressive route, as data. */
export type Weighing =
  /** Let in as long as the limit of that level is not used up; then `higher` leads to a higher limit, if any does. */
  | {
      readonly kind: 'counted';
      readonly access: OpenAccess;
      readonly level: LevelName;
      readonly limit: Exclude<Level['limit'], 'blocked'>;
      readonly higher: Ask | undefined;
    }
  /** Not let in at what was proved: 401 without `error`, else refused for what that says. */
  | { readonly kind: 'challenge'; readonly ask: Ask; readonly error?: AAuthError }
  /** Not let in, and there is no stronger level. */
  | { readonly kind: 'refusal'; readonly error: AAuthError };

type Accepted = Level & { readonly limit: Exclude<Level['limit'], 'blocked'> };

const isAccepted = (level: Level): level is Accepted => level.limit !== 'blocked';
const rankOf = (name: LevelName): number => LEVEL_NAMES.indexOf(name);

/** Whom nobody has signed for, or signed badly: what a signed request to the route begins with. */
export function openingAsk({ levels }: ProgressiveRule): 'signature' | 'identity' {
  const first = levels.filter(isAccepted).find(({ name }) => name !== 'unsigned');
  return first === undefined || first.name === 'signature' ? 'signature' : 'identity';
}

/**
 * Weighs a caller (`undefined`: an unsigned request) against the levels of a route (PROTOCOL section 4). A stronger
 * proof opens what a weaker one opens: a caller counts at its own level, else at the strongest weaker one that is
 * accepted. The challenge leads to the next stronger one. Pure: limits are counted by whoever carries this out.
 */
export function weigh(caller: Caller | undefined, rule: ProgressiveRule): Weighing {
  const access = caller === undefined ? ({ level: 'unsigned' } as const) : accessOf(caller);
  if (access === undefined)
    return { kind: 'challenge', ask: askExpired(caller, rule), error: expired() };
  const covered =
    access.level === 'authorization' &&
    scopeCovers(access.scope, rule.scopes) &&
    !isLimitedByDetails(access);
  // A token for something else still proves the agent (PROTOCOL section 3).
  const proved = access.level === 'authorization' && !covered ? 'identity' : access.level;
  const accepted = rule.levels.filter(isAccepted);
  const stronger = accepted.filter(({ name }) => rankOf(name) > rankOf(proved));
  const own = rule.levels.find(({ name }) => name === proved);
  const level = own ?? accepted.filter(({ name }) => rankOf(name) < rankOf(proved)).at(-1);
  if (level === undefined || !isAccepted(level)) {
    const [next] = stronger;
    const error = refusalOf(access, level, rule);
    if (next === undefined) return { kind: 'refusal', error: error ?? blocked(proved) };
    const asked = askFor(next.name, access, rule);
    return { kind: 'challenge', ask: asked, ...(error === undefined ? {} : { error }) };
  }
  const { name, limit } = level;
  const higher = stronger.find((one) => one.limit.perMinute > limit.perMinute);
  const ask = higher === undefined ? undefined : askFor(higher.name, access, rule);
  return {
    kind: 'counted',
    // Where the route says what it takes for authorization, its handler sees that word for nothing less.
    access: covered || rule.scopes.length === 0 ? access : asAgent(access),
    level: name,
    limit,
    higher: ask,
  };
}

/** What a token proves that grants something else than the route asks for. */
function asAgent(access: OpenAccess): OpenAccess {
  if (access.level !== 'authorization') return access;
  const { scheme, thumbprint, agent, delegate } = access;
  return { level: 'identity', scheme, thumbprint, agent, delegate };
}

function askFor(level: LevelName, access: OpenAccess, { scopes }: ProgressiveRule): Ask {
  if (level === 'unsigned' || level === 'signature') return 'signature';
  // A resource token is for an agent: who has not shown one is asked for it first.
  if (level === 'identity' || access.level === 'unsigned' || access.level === 'signature') {
    return 'identity';
  }
  return { agent: access.agent, agentThumbprint: access.thumbprint, scopes };
}

function askExpired(caller: Caller | undefined, rule: ProgressiveRule): Ask {
  if (caller?.kind !== 'expired-token-holder' || caller.token.agent === undefined) {
    return openingAsk(rule);
  }
  const { scopes } = rule;
  const { agent } = caller.token;
  return scopes.length === 0
    ? openingAsk(rule)
    : { agent, agentThumbprint: caller.key.thumbprint, scopes };
}

/** Why somebody who has proved something is not let in; `undefined` where it is simply not enough yet (401). */
function refusalOf(
  access: OpenAccess,
  level: Level | undefined,
  { scopes }: ProgressiveRule,
): AAuthError | undefined {
  if (access.level === 'authorization' && scopes.length > 0) {
    return new AAuthError(
      'insufficient_scope',
      `This needs a token with the scopes: ${scopes.join(' ')}.`,
      { rule: 'insufficient_scope' },
    );
  }
  return level === undefined ? undefined : blocked(level.name);
}

function blocked(level: LevelName): AAuthError {
  return new AAuthError('access_denied', BLOCKED[level], { rule: 'level_blocked' });
}

const BLOCKED: Readonly<Record<LevelName, string>> = {
  unsigned: 'Unsigned requests are not let in here.',
  signature: 'Bare keys are not let in here.',
  identity: 'Agents without an auth token are not let in here.',
  authorization: 'Requests with an auth token are not let in here.',
};
