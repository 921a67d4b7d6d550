import {
  alwaysAskPerson,
  neverAskPerson,
  type Policy,
  type PolicyFile,
  readPolicyFile,
  rulePolicy,
} from '@countersign/auth-server';
import { isAAuthError, parseStrictJson } from '@countersign/protocol';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { UsageError } from '../command-error.js';

/** What decides: rules or the file that holds them, or `--consent` in place of both. */
export interface PolicyOptions {
  readonly policy?: string | Readonly<Record<string, unknown>> | undefined;
  readonly consent?: 'always' | 'never' | undefined;
  /** How the operator calls the setting; default `--policy`. */
  readonly where?: string;
}

/** A policy, and what it is called in the audit trail. */
export interface ReadPolicy {
  readonly policy: Policy;
  /** `sha256:` and the hash of the text, ended by one line feed however it was given; without rules, what stands for them. */
  readonly policyVersion: string;
}

/**
 * Reads the policy of an auth server. `trusted` are the auth servers named by `--trust`: a rule about any other could
 * never fit, so it is refused as the mistake that it is.
 */
export function readPolicy(
  { policy, consent, where = '--policy' }: PolicyOptions,
  trusted: readonly string[],
  insecureLoopback: boolean,
): ReadPolicy {
  if (policy === undefined) {
    return consent === 'never'
      ? { policy: neverAskPerson, policyVersion: '--consent never' }
      : { policy: alwaysAskPerson, policyVersion: '--consent always' };
  }
  if (consent !== undefined) {
    throw new UsageError(
      `${where} and --consent exclude each other: the policy says what is asked.`,
    );
  }
  // `COUNTERSIGN_POLICY_FILE` reads the file before it comes here: what stands there then is the text itself.
  const inline = typeof policy !== 'string' || policy.trimStart().startsWith('{');
  const refuse = (why: string): never => {
    throw new UsageError(inline ? `${where}: ${why}` : `${where} is "${policy}": ${why}`);
  };
  const [text, value] =
    typeof policy === 'string' ? parsed(policy, inline, refuse) : [JSON.stringify(policy), policy];
  const { rules, otherwise } = readRules(value, insecureLoopback, refuse);
  for (const [index, { trustedIssuer }] of rules.exchange.entries()) {
    if (trustedIssuer === undefined || trusted.includes(trustedIssuer)) continue;
    refuse(
      `exchange[${index}].trustedIssuer is ${trustedIssuer}, which is not trusted. Add --trust ${trustedIssuer}.`,
    );
  }
  return {
    policy: rulePolicy(rules, { otherwise, insecureLoopback }),
    policyVersion: versionOf(text),
  };
}

/** A variable's file comes without the line feeds at its end. */
function versionOf(text: string): string {
  const lines = `${text.replace(/[\r\n]+$/, '')}\n`;
  return `sha256:${createHash('sha256').update(lines).digest('hex')}`;
}

function parsed(
  policy: string,
  inline: boolean,
  refuse: (why: string) => never,
): readonly [text: string, value: unknown] {
  const text = inline ? policy : (readText(policy) ?? refuse('it cannot be read.'));
  return [text, parseStrictJson(text)];
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function readRules(
  value: unknown,
  insecureLoopback: boolean,
  refuse: (why: string) => never,
): PolicyFile {
  if (value === undefined) return refuse('it must be JSON, with no member twice.');
  try {
    return readPolicyFile(value, { insecureLoopback });
  } catch (error) {
    if (isAAuthError(error, 'configuration_invalid')) return refuse(error.message);
    throw error;
  }
}
