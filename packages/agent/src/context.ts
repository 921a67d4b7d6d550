import type { Wire } from '@countersign/httpsig';
import {
  AAuthError,
  CALLBACK_PATH,
  type Clock,
  createDiscovery,
  type Discovery,
  type IdentifierOptions,
  isServerIdentifier,
  type KeySet,
  parseServerIdentifier,
  parseUrl,
  type Random,
  type ServerIdentifier,
  systemClock,
  systemRandom,
} from '@countersign/protocol';
import { type Climb, ClimbedLevels } from './climb.js';
import type { Interaction } from './interaction.js';
import { memoryStore } from './memory-store.js';
import type { AgentOptions } from './options.js';
import { RouteScopes } from './route-scopes.js';
import type { AgentStore } from './store.js';

/** An agent's settings, checked and completed. What every part of it is given. */
export interface AgentContext {
  readonly id: ServerIdentifier;
  /** The keys of this moment: read once per step, so that one step uses one key. */
  readonly keys: KeySet;
  readonly interaction: Interaction;
  readonly scheme: 'jwks' | 'hwk';
  readonly climb: Climb;
  readonly climbed: ClimbedLevels;
  readonly agentToken: (() => Promise<string>) | undefined;
  readonly redirectUri: string;
  readonly otherRedirectUris: readonly string[];
  /** Where upstream tokens may be shown, beside their issuers. */
  readonly exchangeAt: readonly string[];
  readonly store: AgentStore;
  /** What routes have asked for, learned as the agent goes. */
  readonly routes: RouteScopes;
  readonly discovery: Discovery;
  readonly transport: typeof fetch;
  readonly clock: Clock;
  readonly random: Random;
  readonly wire: Wire;
  readonly identifiers: IdentifierOptions;
  readonly allowMissingState: boolean;
  readonly showAddressToCopy: boolean;
  readonly allowCrossOriginRedirects: boolean;
  readonly maxBodyBytes: number;
  readonly interactionTimeoutSeconds: number;
}

/** One MiB: the longest request body unless an option says otherwise. */
export const DEFAULT_MAX_BODY_BYTES = 1_048_576;

/** Checks the options. Throws `configuration_invalid` naming the one that is wrong. */
export function createContext(options: AgentOptions): AgentContext {
  const { clock = systemClock, insecureLoopback = false } = options;
  const identifiers = { insecureLoopback };
  const id = parseServerIdentifier(options.id, 'The agent id', identifiers);
  const climb = options.climb ?? (options.scheme === 'hwk' ? 'signature' : 'authorization');
  if (!['signature', 'identity', 'authorization'].includes(climb)) {
    refuse("climb must be 'signature', 'identity' or 'authorization'.");
  }
  if (options.scheme !== 'hwk' && climb === 'signature') {
    refuse(
      "An agent that proves no more than its key begins so: set scheme 'hwk' with climb 'signature'.",
    );
  }
  if (climb === 'signature' && options.agentToken !== undefined) {
    refuse(
      'An agent that signs with scheme hwk has no agent token unless it climbs: leave one of the two out.',
    );
  }
  if (options.delegates !== undefined && options.agentToken !== undefined) {
    refuse('A delegate has no delegates of its own: leave out agentToken or delegates.');
  }
  return {
    id,
    get keys() {
      return typeof options.keys === 'function' ? options.keys() : options.keys;
    },
    interaction: options.interaction,
    scheme: options.scheme ?? 'jwks',
    climb,
    climbed: new ClimbedLevels(clock),
    agentToken: options.agentToken,
    redirectUri: redirectUriOf(options.redirectUri ?? id + CALLBACK_PATH, identifiers),
    otherRedirectUris: (options.otherRedirectUris ?? []).map((one) =>
      redirectUriOf(one, identifiers),
    ),
    store: options.store ?? memoryStore(),
    exchangeAt: (options.exchangeAt ?? []).map((one) =>
      parseServerIdentifier(one, 'Each auth server of exchangeAt', identifiers),
    ),
    routes: new RouteScopes(),
    discovery: options.discovery ?? createDiscovery({ clock, insecureLoopback }),
    transport: options.fetch ?? fetch,
    clock,
    random: options.random ?? systemRandom,
    wire: options.wire ?? 'rfc9421',
    identifiers,
    allowMissingState: options.allowMissingState === true,
    showAddressToCopy:
      options.showAddressToCopy ?? (id.startsWith('https:') || options.delegates !== undefined),
    allowCrossOriginRedirects: options.allowCrossOriginRedirects === true,
    maxBodyBytes: positive(options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES, 'maxBodyBytes'),
    interactionTimeoutSeconds: Math.min(
      positive(options.interactionTimeoutSeconds ?? 600, 'interactionTimeoutSeconds'),
      86_400,
    ),
  };
}

function refuse(message: string): never {
  throw new AAuthError('configuration_invalid', message);
}

function positive(value: number, name: string): number {
  if (!Number.isSafeInteger(value) || value < 1) refuse(`${name} must be a positive whole number.`);
  return value;
}

/** Names that an auth server adds to the redirect URI (PROTOCOL section 5.1): it may not carry them already. */
const ADDED = ['code', 'state', 'error', 'error_description', 'iss', 'interaction_code'];

function redirectUriOf(value: string, identifiers: IdentifierOptions): string {
  const url = parseUrl(value);
  if (
    url === undefined ||
    url.href !== value ||
    url.hash !== '' ||
    value.includes('#') ||
    !isServerIdentifier(url.origin, identifiers) ||
    url.username !== '' ||
    url.password !== '' ||
    ADDED.some((name) => url.searchParams.has(name))
  ) {
    refuse(
      'The redirectUri must be an https address such as https://agent.example/callback, in its one spelling, ' +
        'without fragment and without code, state, error or iss in its query.',
    );
  }
  return value;
}

/** Checks a `returnTo`: a path on the redirect URI's own origin. Throws `configuration_invalid`. */
export function checkReturnTo(returnTo: string, redirectUri: string): string {
  const own = new URL(redirectUri).origin;
  if (
    !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(returnTo) ||
    returnTo.length > 2048 ||
    new URL(returnTo, own).origin !== own
  ) {
    refuse('returnTo must be a path on the agent itself, such as /report?id=7.');
  }
  return returnTo;
}
