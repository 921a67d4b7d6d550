import {
  AAuthError,
  agentDocument,
  type AgentMetadata,
  agentMetadata,
  type JsonObject,
  JWKS_PATH,
  parseUrl,
} from '@countersign/protocol';
import type { AgentContext } from './context.js';
import type { AgentOptions } from './options.js';

/** The documents an agent server publishes (PROTOCOL section 6), by path. A delegate publishes none. */
export function publishedDocuments(
  options: AgentOptions,
  context: AgentContext,
): ReadonlyMap<string, () => JsonObject> {
  if (context.agentToken !== undefined) return new Map();
  const { name, homepage, policyUri, tosUri, logoUri } = options;
  const links = { homepage, policyUri, tosUri, logoUri };
  for (const [member, value] of Object.entries(links)) {
    if (value !== undefined && parseUrl(value) === undefined) {
      throw new AAuthError('configuration_invalid', `${member} must be an absolute address.`);
    }
  }
  // Own callback first. An agent that asks nobody has none, but its delegates may ask.
  const asksNobody = context.interaction.mode === 'none' && options.delegates === undefined;
  const own = asksNobody ? [] : [context.redirectUri];
  const redirectUris = [...new Set([...own, ...context.otherRedirectUris])];
  const metadata = {
    agent: context.id,
    jwksUri: context.id + JWKS_PATH,
    ...(redirectUris.length === 0 ? {} : { redirectUris }),
    ...(name === undefined ? {} : { name }),
    ...Object.fromEntries(Object.entries(links).filter(([, value]) => value !== undefined)),
  } satisfies AgentMetadata;
  return new Map<string, () => JsonObject>([
    [`/.well-known/${agentMetadata.wellKnown}`, () => agentDocument(metadata)],
    // Looked up each time: keys may change while the agent runs.
    [JWKS_PATH, () => ({ keys: context.keys.jwks.keys })],
  ]);
}
