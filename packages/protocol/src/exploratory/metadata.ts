import type { MetadataKind, PublishesKeys } from '../discovery/discovery.js';
import { isOnOrigin, type ServerIdentifier } from '../identifiers.js';
import type { JsonObject } from '../json.js';

/** Metadata documents (PROTOCOL section 6), by the names of the exploratory wire. */

const text = (document: JsonObject, name: string): string | undefined => {
  const value = document[name];
  return typeof value === 'string' && value !== '' && value.length <= 2048 ? value : undefined;
};

const texts = (document: JsonObject, name: string): readonly string[] | undefined => {
  const value: unknown = document[name];
  if (!Array.isArray(value)) return undefined;
  return value.slice(0, 100).filter((one): one is string => typeof one === 'string');
};

const own = (document: JsonObject, name: string, id: ServerIdentifier): string | undefined => {
  const value = document[name];
  return isOnOrigin(value, id) ? value : undefined;
};

/** Leaves out the members that are absent, so that optional members are really optional. */
function present<T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

export interface AgentMetadata extends PublishesKeys {
  readonly agent: ServerIdentifier;
  readonly redirectUris?: readonly string[];
  /** What the agent says of itself: hostile text until it has been cleaned for display. */
  readonly name?: string;
  readonly logoUri?: string;
  readonly policyUri?: string;
  readonly tosUri?: string;
  readonly homepage?: string;
}

export interface ResourceMetadata extends PublishesKeys {
  readonly resource: ServerIdentifier;
  readonly resourceTokenEndpoint?: string;
  readonly supportedScopes?: readonly string[];
  readonly scopeDescriptions?: Readonly<Record<string, string>>;
  readonly name?: string;
}

export interface AuthServerMetadata extends PublishesKeys {
  readonly issuer: ServerIdentifier;
  readonly tokenEndpoint: string;
  readonly authEndpoint: string;
  readonly requestTypes?: readonly string[];
  readonly signingAlgorithms?: readonly string[];
  readonly scopes?: readonly string[];
}

export const agentMetadata: MetadataKind<AgentMetadata> = {
  wellKnown: 'aauth-agent',
  read(document, id) {
    const jwksUri = text(document, 'jwks_uri');
    if (document['agent'] !== id || jwksUri === undefined) return undefined;
    return {
      agent: id,
      jwksUri,
      ...present({
        redirectUris: texts(document, 'redirect_uris'),
        name: text(document, 'name'),
        logoUri: text(document, 'logo_uri'),
        policyUri: text(document, 'policy_uri'),
        tosUri: text(document, 'tos_uri'),
        homepage: text(document, 'homepage'),
      }),
    };
  },
};

export const resourceMetadata: MetadataKind<ResourceMetadata> = {
  wellKnown: 'aauth-resource',
  read(document, id) {
    const jwksUri = text(document, 'jwks_uri');
    if (document['resource'] !== id || jwksUri === undefined) return undefined;
    const descriptions = document['scope_descriptions'];
    const entries =
      typeof descriptions === 'object' && descriptions !== null ? Object.entries(descriptions) : [];
    return {
      resource: id,
      jwksUri,
      ...present({
        resourceTokenEndpoint: own(document, 'resource_token_endpoint', id),
        supportedScopes: texts(document, 'supported_scopes'),
        scopeDescriptions: Object.fromEntries(
          entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
        ),
        name: text(document, 'name'),
      }),
    };
  },
};

export const authServerMetadata: MetadataKind<AuthServerMetadata> = {
  wellKnown: 'aauth-issuer',
  read(document, id) {
    const jwksUri = text(document, 'jwks_uri');
    const tokenEndpoint = own(document, 'agent_token_endpoint', id);
    const authEndpoint = own(document, 'agent_auth_endpoint', id);
    if (document['issuer'] !== id || jwksUri === undefined) return undefined;
    if (tokenEndpoint === undefined || authEndpoint === undefined) return undefined;
    return {
      issuer: id,
      jwksUri,
      tokenEndpoint,
      authEndpoint,
      ...present({
        requestTypes: texts(document, 'request_types_supported'),
        signingAlgorithms: texts(document, 'agent_signing_algs_supported'),
        scopes: texts(document, 'scopes_supported'),
      }),
    };
  },
};

/** The `/.well-known/aauth-agent` document. */
export function agentDocument(metadata: AgentMetadata): JsonObject {
  return present({
    agent: metadata.agent,
    jwks_uri: metadata.jwksUri,
    redirect_uris: metadata.redirectUris,
    name: metadata.name,
    logo_uri: metadata.logoUri,
    policy_uri: metadata.policyUri,
    tos_uri: metadata.tosUri,
    homepage: metadata.homepage,
  });
}

/** The `/.well-known/aauth-resource` document. */
export function resourceDocument(metadata: ResourceMetadata): JsonObject {
  return present({
    resource: metadata.resource,
    jwks_uri: metadata.jwksUri,
    resource_token_endpoint: metadata.resourceTokenEndpoint,
    supported_scopes: metadata.supportedScopes,
    scope_descriptions: metadata.scopeDescriptions,
    name: metadata.name,
  });
}

/** The `/.well-known/aauth-issuer` document. */
export function authServerDocument(metadata: AuthServerMetadata): JsonObject {
  return present({
    issuer: metadata.issuer,
    jwks_uri: metadata.jwksUri,
    agent_token_endpoint: metadata.tokenEndpoint,
    agent_auth_endpoint: metadata.authEndpoint,
    agent_signing_algs_supported: metadata.signingAlgorithms,
    request_types_supported: metadata.requestTypes,
    scopes_supported: metadata.scopes,
  });
}
