/** Paths and names of the exploratory wire that more than one party spells. */
export const JWKS_PATH = '/jwks.json';
export const CALLBACK_PATH = '/callback';

/** `request_type` values of the token endpoint (PROTOCOL section 5). */
export const REQUEST_TYPES = ['auth', 'code', 'refresh', 'exchange'] as const;
export type RequestType = (typeof REQUEST_TYPES)[number];
