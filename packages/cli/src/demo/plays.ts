import type { Play } from './play.js';

/** The flows that can be shown, in the order in which `demo all` runs them. What a flow needs is loaded when it runs. */
export const plays: ReadonlyMap<string, () => Promise<Play>> = new Map([
  ['user-delegation', async () => (await import('./user-delegation.js')).userDelegation],
  ['progressive', async () => (await import('./progressive.js')).progressive],
  ['identity', async () => (await import('./identity.js')).identity],
  ['autonomous', async () => (await import('./autonomous.js')).autonomous],
  ['refresh', async () => (await import('./refresh.js')).refresh],
  ['sign-in', async () => (await import('./sign-in.js')).signIn],
  ['delegation', async () => (await import('./delegation.js')).delegation],
  ['token-exchange', async () => (await import('./token-exchange.js')).tokenExchange],
  ['token-exchange-3', async () => (await import('./token-exchange-3.js')).tokenExchange3],
  ['resource-token', async () => (await import('./resource-token.js')).resourceToken],
  ['user-interaction', async () => (await import('./user-interaction.js')).userInteraction],
  [
    'auth-request-document',
    async () => (await import('./auth-request-document.js')).authRequestDocument,
  ],
  ['encrypted-token', async () => (await import('./encrypted-token.js')).encryptedToken],
  ['step-up', async () => (await import('./step-up.js')).stepUp],
  ['denial', async () => (await import('./denial.js')).denial],
]);

export const FLOW_NAMES: readonly string[] = [...plays.keys()];
