/** Paths and names of the exploratory wire that more than one party spells. */
export const JWKS_PATH = '/jwks.json';
export const CALLBACK_PATH = '/callback';

/** The field that carries a person's single-use code back to the resource (PROTOCOL section 5.11); covered when sent. */
export const INTERACTION_CODE = 'interaction-code';
/**
 * The field that names, among the people of one agent, the one whose visit a request goes on with. The resource makes
 * the value, in its answer to a request with a code; covered when sent.
 */
export const INTERACTION_SESSION = 'interaction-session';

/** `request_type` values of the token endpoint (PROTOCOL section 5). */
export const REQUEST_TYPES = ['auth', 'code', 'refresh', 'exchange'] as const;
export type RequestType = (typeof REQUEST_TYPES)[number];
