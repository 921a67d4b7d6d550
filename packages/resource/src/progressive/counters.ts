import { AAuthError, hashSecret, type ServerIdentifier } from '@countersign/protocol';
import { type OpenAccess, subjectIssuerOf } from '../access.js';
import { addressKey } from '../rate-limits/address-key.js';
import type { RateLimitCounter, RateLimitPart } from '../rate-limits/rate-limit-store.js';
import type { ProgressiveRule } from './levels.js';
import type { Weighing } from './weigh.js';

/** What an adapter knows of the connection that a request came on. */
export interface Connection {
  /**
   * The address of the client. Behind a proxy the one that the proxy vouches for: what a client may write itself, such
   * as `X-Forwarded-For`, would let it count as anybody.
   */
  readonly remoteAddress: string | undefined;
}

interface Counted {
  /** Whom is counted, in words that nobody else's can equal. */
  readonly who: readonly (string | null)[];
  readonly limit: number;
  readonly part: RateLimitPart;
}

type Counting = Extract<Weighing, { kind: 'counted' }>;

/**
 * What a request is counted on. Keys and delegates cost nothing to make, so that a limit for each of them limits nobody:
 * all that one party could have made up are counted together too, and first.
 */
function counted({ access, level, limit }: Counting, connection: Connection): readonly Counted[] {
  const { perMinute, together } = limit;
  if (level === 'unsigned' || access.level === 'unsigned') {
    return [{ who: ['address', addressOf(connection)], limit: perMinute, part: 'strangers' }];
  }
  if (level === 'signature' || access.level === 'signature') {
    return [
      { who: ['keys', addressOf(connection)], limit: together, part: 'strangers' },
      { who: ['key', access.thumbprint], limit: perMinute, part: 'strangers' },
    ];
  }
  return ofAgent(access, level, { perMinute, together });
}

function ofAgent(
  access: Exclude<OpenAccess, { level: 'unsigned' | 'signature' }>,
  level: 'identity' | 'authorization',
  { perMinute, together }: { readonly perMinute: number; readonly together: number },
): readonly Counted[] {
  // The auth servers that know the person and that vouch for them: another one's `sub` is somebody else.
  const person =
    level === 'authorization' && access.level === 'authorization'
      ? [access.token.issuer, subjectIssuerOf(access.token), access.subject ?? null]
      : [null, null, null];
  const all: Counted = {
    who: ['agent', level, access.agent, ...person],
    limit: together,
    part: 'agents',
  };
  // Without a limit of their own, delegates are counted with their agent alone.
  if (together === perMinute) return [all];
  const who = ['delegate', level, access.agent, ...person, access.delegate ?? null];
  return [all, { who, limit: perMinute, part: 'agents' }];
}

function addressOf({ remoteAddress }: Connection): string {
  if (remoteAddress !== undefined && remoteAddress !== '') return addressKey(remoteAddress);
  throw new AAuthError(
    'configuration_invalid',
    'A route that takes unsigned requests or bare keys needs the remote address: pass it with the request.',
    { rule: 'remote_address_missing' },
  );
}

/** The counters of a request, under hashed names that differ between resources and between counters of one resource. */
export async function countersOf(
  weighing: Counting,
  rule: ProgressiveRule,
  resource: ServerIdentifier,
  connection: Connection,
): Promise<readonly RateLimitCounter[]> {
  return await Promise.all(
    counted(weighing, connection).map(async ({ who, limit, part }) => ({
      key: await hashSecret(JSON.stringify([resource, rule.counter, ...who])),
      limit,
      part,
    })),
  );
}
