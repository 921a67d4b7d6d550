import {
  AAuthError,
  decodeJws,
  MAX_TOKEN_LENGTH,
  type ServerIdentifier,
  TOKEN_TYPES,
} from '@countersign/protocol';
import { confirmationThumbprint } from '../../confirmation.js';
import { readJson, refusal, type TokenAnswer } from '../token-answer.js';

/** An agent token that may be used. */
export interface IssuedAgentToken {
  readonly token: string;
  /** Unix seconds. */
  readonly issuedAt: number;
  /** Unix seconds. */
  readonly expiresAt: number;
}

/** What a delegate asked for. */
export interface AskedAgentToken {
  readonly agentServer: ServerIdentifier;
  readonly delegate: string;
  readonly keyThumbprint: string;
  readonly audience: string | readonly string[] | undefined;
  readonly now: number;
}

/** Agent tokens that would live longer are refused by their receivers. */
const MAX_SECONDS = 86_400;

/**
 * Reads the agent server's answer (PROTOCOL section 5.7): status 200, JSON, an agent token of that server for this
 * delegate, its key and audience, which lives. Its signature is for receivers to check. Throws what
 * {@link refusal} makes of another status, and `response_invalid`.
 */
export async function readAgentTokenAnswer(
  answer: TokenAnswer,
  asked: AskedAgentToken,
): Promise<IssuedAgentToken> {
  const { agentServer, delegate, keyThumbprint, audience, now } = asked;
  const unusable = (rule: string): never => {
    throw new AAuthError(
      'response_invalid',
      `The agent server ${agentServer} gave an answer that cannot be used.`,
      { rule },
    );
  };
  const json = readJson(answer);
  if (answer.status !== 200)
    throw refusal(answer, json, `The agent server ${agentServer}`, 'agent-server');
  const { agent_token: token, expires_in: expiresIn } = json ?? unusable('not_json');
  if (typeof expiresIn !== 'number' || !Number.isSafeInteger(expiresIn) || expiresIn < 1) {
    return unusable('expires_in');
  }
  if (typeof token !== 'string' || token.length > MAX_TOKEN_LENGTH) return unusable('agent_token');
  const jws = decodeJws(token);
  if (typeof jws === 'string') return unusable(jws);
  const { iss, sub, aud, cnf, exp } = jws.payload;
  if (jws.header.typ !== TOKEN_TYPES.agent) unusable('token_type');
  if (iss !== agentServer) unusable('iss_other');
  if (sub !== delegate) unusable('sub_other');
  if (JSON.stringify(aud) !== JSON.stringify(audience)) unusable('aud_other');
  if ((await confirmationThumbprint(cnf)) !== keyThumbprint) unusable('cnf_other');
  if (typeof exp !== 'number' || !Number.isSafeInteger(exp)) return unusable('exp_invalid');
  if (exp <= now) unusable('token_expired');
  if (exp - now > MAX_SECONDS) unusable('exp_too_far');
  return { token, issuedAt: now, expiresAt: Math.min(exp, now + expiresIn) };
}
