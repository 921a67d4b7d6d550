/** The agent server's endpoint for agent tokens; ours, not the specification's (PROTOCOL section 5.7). */
export const DELEGATE_TOKEN_PATH = '/delegate/token';

/** Members of the request, which has these and no others. */
export const MEMBERS: readonly string[] = ['sub', 'cnf_jwk', 'aud', 'enrolment_secret'];

/** Agent tokens live one hour (PROTOCOL section 3). */
export const AGENT_TOKEN_SECONDS = 3600;

/** Receivers that one agent token may name. */
export const MAX_AUDIENCES = 16;
