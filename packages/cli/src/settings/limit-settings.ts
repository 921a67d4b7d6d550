import type { LimitName } from '@countersign/auth-server';
import { type DefaultedSetting, setting } from './setting.js';

/** How much is taken within a minute, or where it says so within another time. */
function limit(
  flags: string,
  description: string,
  standard: number,
  [least, most]: readonly [number, number] = [1, 100_000_000],
): DefaultedSetting<number> {
  return setting({
    spelling: 'number',
    flags: `${flags} <n>`,
    description,
    allowed: `a number from ${least} to ${most}`,
    schema: (z) => z.int().min(least).max(most),
    default: standard,
  });
}

const LIMITS = [
  'agentRequests',
  'agentQuestions',
  'denials',
  'unprovenRequests',
  'addressHosts',
  'agentHosts',
  'strangerHosts',
  'pageRequests',
  'signInFailures',
  'addressSignInFailures',
  'accountSignInFailures',
] as const satisfies readonly LimitName[];

/** How much the auth server takes from one agent, address or person; see `docs/operating.md`. */
export const limitSettings = {
  limitAgentRequests: limit(
    '--limit-agent-requests',
    'token requests of one agent a minute; access counts two, an exchange three',
    6000,
    [10, 100_000_000],
  ),
  limitAgentQuestions: limit(
    '--limit-agent-questions',
    'questions to people that one agent raises a minute',
    600,
  ),
  limitDenials: limit(
    '--limit-denials',
    'denials of one agent by a person within an hour before it is not asked for',
    3,
    [1, 1000],
  ),
  limitUnprovenRequests: limit(
    '--limit-unproven-requests',
    'token requests from one address a minute that prove no agent',
    300,
  ),
  limitAddressHosts: limit(
    '--limit-address-hosts',
    'new hosts that unverified requests from one address name a minute',
    20,
  ),
  limitAgentHosts: limit('--limit-agent-hosts', 'new hosts that one agent names a minute', 300),
  limitStrangerHosts: limit(
    '--limit-stranger-hosts',
    'new hosts that all unverified requests name a minute',
    1500,
  ),
  limitPageRequests: limit(
    '--limit-page-requests',
    'requests to the pages from one address a minute',
    600,
  ),
  limitSignInFailures: limit(
    '--limit-sign-in-failures',
    'failed sign-ins at one account from one address in a quarter of an hour',
    10,
    [1, 10_000],
  ),
  limitAddressSignInFailures: limit(
    '--limit-address-sign-in-failures',
    'failed sign-ins from one address in a quarter of an hour',
    50,
    [1, 10_000],
  ),
  limitAccountSignInFailures: limit(
    '--limit-account-sign-in-failures',
    'failed sign-ins at one account from new addresses in a quarter of an hour',
    100,
    [1, 10_000],
  ),
  withoutLimits: setting({
    spelling: 'words',
    flags: '--without-limits <name>',
    description: `switch this limit off (repeatable): ${LIMITS.join(', ')}`,
    allowed: LIMITS.join(', '),
    schema: (z) => z.array(z.enum(LIMITS)),
    insecure: {
      when: (names) => names.length > 0,
      warning: 'lets whoever likes use up this server.',
      instead: 'raise the limit instead',
    },
  }),
};
