import {
  alwaysAskPerson,
  neverAskPerson,
  type Policy,
  type PolicyFile,
  readPolicyFile,
  rulePolicy,
} from '@countersign/auth-server';
import { isAAuthError, parseStrictJson } from '@countersign/protocol';
import { readFileSync } from 'node:fs';
import { UsageError } from '../command-error.js';

/** What decides, as the command line says it: a policy file, or `--consent` in place of one. */
export interface PolicyOptions {
  readonly policy?: string;
  readonly consent?: 'always' | 'never';
}

/**
 * Reads the policy of an auth server. `trusted` are the auth servers named by `--trust`: a rule about any other could
 * never fit, so it is refused as the mistake that it is.
 */
export function readPolicy(
  { policy: file, consent }: PolicyOptions,
  trusted: readonly string[],
  insecureLoopback: boolean,
): Policy {
  if (file === undefined) return consent === 'never' ? neverAskPerson : alwaysAskPerson;
  if (consent !== undefined) {
    throw new UsageError('--policy and --consent exclude each other: the file says what is asked.');
  }
  // `COUNTERSIGN_POLICY_FILE` reads the file before it comes here: what stands there then is the text itself.
  const inline = file.trimStart().startsWith('{');
  const refuse = (why: string): never => {
    throw new UsageError(inline ? `--policy: ${why}` : `--policy is "${file}": ${why}`);
  };
  const text = inline ? file : (readText(file) ?? refuse('it cannot be read.'));
  const { rules, otherwise } = readRules(text, insecureLoopback, refuse);
  for (const [index, { trustedIssuer }] of rules.exchange.entries()) {
    if (trustedIssuer === undefined || trusted.includes(trustedIssuer)) continue;
    refuse(
      `exchange[${index}].trustedIssuer is ${trustedIssuer}, which is not trusted. Add --trust ${trustedIssuer}.`,
    );
  }
  return rulePolicy(rules, { otherwise, insecureLoopback });
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function readRules(
  text: string,
  insecureLoopback: boolean,
  refuse: (why: string) => never,
): PolicyFile {
  const value = parseStrictJson(text);
  if (value === undefined) return refuse('it must be JSON, with no member twice.');
  try {
    return readPolicyFile(value, { insecureLoopback });
  } catch (error) {
    if (isAAuthError(error, 'configuration_invalid')) return refuse(error.message);
    throw error;
  }
}
