import { type AgentOptions, delegateToken } from '@countersign/agent';
import {
  agentMetadata,
  createDiscovery,
  isOnOrigin,
  type KeySet,
  parseServerIdentifier,
  type ServerIdentifier,
  systemClock,
} from '@countersign/protocol';
import { readFile } from 'node:fs/promises';
import { UsageError } from '../command-error.js';
import type { FetchOptions } from '../commands/fetch.js';
import { environmentValue } from '../options/environment.js';
import { readIdentifier } from '../options/identifier.js';

/** The settings of `--scheme jwt`. */
export interface DelegateSettings {
  readonly agentServer: ServerIdentifier;
  readonly delegate: string;
  readonly enrolmentSecret: string;
}

/** Reads what makes `fetch` a delegate (PROTOCOL section 5.7); `undefined` for the other schemes. */
export async function readDelegateSettings(
  options: FetchOptions,
  insecureLoopback: boolean,
): Promise<DelegateSettings | undefined> {
  const { scheme, agentServer, delegate, enrolmentSecretFile } = options;
  if (scheme !== 'jwt') {
    if ((agentServer ?? delegate ?? enrolmentSecretFile) === undefined) return undefined;
    throw new UsageError(
      '--agent-server, --delegate and --enrolment-secret-file are for --scheme jwt: add it.',
    );
  }
  if (options.id !== undefined) {
    throw new UsageError(
      '--id is not for a delegate, which acts for --agent-server: leave it out.',
    );
  }
  if (agentServer === undefined || delegate === undefined) {
    const missing = agentServer === undefined ? '--agent-server' : '--delegate';
    throw new UsageError(
      `${missing} is missing: a delegate acts for an agent server, under the name it was enrolled with there.`,
    );
  }
  const id = readIdentifier('--agent-server', agentServer, insecureLoopback);
  return {
    agentServer: parseServerIdentifier(id, '--agent-server', { insecureLoopback }),
    delegate,
    enrolmentSecret: await readSecret(enrolmentSecretFile),
  };
}

async function readSecret(file: string | undefined): Promise<string> {
  const text =
    file === undefined
      ? environmentValue('COUNTERSIGN_ENROLMENT_SECRET')
      : await readFile(file, 'utf8').catch(() => {
          throw new UsageError(`--enrolment-secret-file is "${file}", which cannot be read.`);
        });
  if (text === undefined) {
    throw new UsageError(
      '--enrolment-secret-file is missing: it names a file with the secret that `countersign delegate add` printed.',
    );
  }
  const secret = text.trim();
  if (!/^[\x21-\x7e]{1,8192}$/.test(secret)) {
    throw new UsageError(
      `${file === undefined ? 'COUNTERSIGN_ENROLMENT_SECRET' : `--enrolment-secret-file is "${file}", which`} ` +
        'must hold one secret and nothing else.',
    );
  }
  return secret;
}

/** The options that make an agent this delegate. `listener` is where its own callback listens, if it has one. */
export async function delegateOptions(
  { agentServer, delegate, enrolmentSecret }: DelegateSettings,
  keys: KeySet,
  listener: string | undefined,
  insecureLoopback: boolean,
): Promise<Pick<AgentOptions, 'id' | 'agentToken' | 'redirectUri'>> {
  return {
    id: agentServer,
    redirectUri: await redirectUri(agentServer, listener, insecureLoopback),
    agentToken: delegateToken({ agentServer, delegate, keys, enrolmentSecret, insecureLoopback }),
  };
}

/**
 * Where consent ends: at this program's own callback when it has one, which the agent server must then publish, else at
 * the agent server's, whose page shows the address to paste here. An agent server that cannot be asked is no hindrance
 * to a token that is held already.
 */
async function redirectUri(
  agentServer: ServerIdentifier,
  listener: string | undefined,
  insecureLoopback: boolean,
): Promise<string> {
  const discovery = createDiscovery({ clock: systemClock, insecureLoopback });
  const published = await discovery
    .metadata(agentMetadata, agentServer)
    .then(({ redirectUris = [] }) => redirectUris)
    .catch(() => undefined);
  if (listener === undefined) {
    return published?.find((one) => isOnOrigin(one, agentServer)) ?? `${agentServer}/callback`;
  }
  const own = `${listener}/callback`;
  if (published === undefined || published.includes(own)) return own;
  throw new UsageError(
    `--listen: the agent server ${agentServer} does not publish ${own}. Start it with --redirect-uri ${own}, or leave ` +
      '--listen out and paste the address that its callback page shows.',
  );
}
