import { type Agent, type AgentOptions, createAgent } from '@countersign/agent';
import { fileStore } from '@countersign/agent/node';
import { isLoopbackHost, isServerIdentifier, type KeySet } from '@countersign/protocol';
import { UsageError } from '../command-error.js';
import type { FetchOptions } from '../commands/fetch.js';
import type { Listening } from '../http/listen.js';
import { loadKeysFile, temporaryKeys } from '../keys-file.js';
import { readIdentifier } from '../options/identifier.js';
import { note } from '../terminal.js';
import { traceAgent } from '../trace/agent-trace.js';
import { delegateOptions, readDelegateSettings } from './delegate.js';
import { listenAsAgent } from './listen-as-agent.js';
import { readRequest } from './request.js';
import { terminalInteraction } from './terminal-interaction.js';
import { unreachable } from './unreachable.js';
import { statusLine, writeResponse } from './write-response.js';

/** `countersign fetch`; returns the exit code. */
export async function runFetch(url: string, options: FetchOptions): Promise<number> {
  const { request: method, header = [], data } = options;
  const request = await readRequest(url, { method, header, data });
  const insecureLoopback = options.insecureLoopback ?? isLoopbackUrl(request.url);
  checkAddress(request.url, insecureLoopback);
  checkIdentity(request.url, options, insecureLoopback);
  const delegate = await readDelegateSettings(options, insecureLoopback);
  const keysFile =
    options.keys ?? (options.tokens === undefined ? undefined : `${options.tokens}.keys`);
  const keys = keysFile === undefined ? await temporaryKeys('key-1') : await loadKeysFile(keysFile);
  let agent: Agent | undefined;
  const server = needsListener(options)
    ? await listenAsAgent(
        async (received) =>
          (await agent?.handle(received)) ?? new Response('Not found', { status: 404 }),
        options.listen ?? (keysFile === undefined ? 0 : { follows: keys.current.thumbprint }),
      )
    : undefined;
  try {
    const identity: Identity =
      delegate === undefined
        ? ownIdentity(options, server, insecureLoopback)
        : {
            insecureLoopback,
            ...(await delegateOptions(delegate, keys, server?.url, insecureLoopback)),
          };
    agent = makeAgent(options, keys, identity, () => agent);
    const response = await agent.fetch(request);
    await writeResponse(response, options);
    if (response.status < 400) return 0;
    note(`error: ${new URL(url).origin} answered ${statusLine(response)}`);
    return 1;
  } catch (error) {
    throw unreachable(error, url);
  } finally {
    await server?.close();
  }
}

function isLoopbackUrl(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && isLoopbackHost(hostname);
}

function checkAddress(url: string, insecureLoopback: boolean): void {
  if (isServerIdentifier(new URL(url).origin, { insecureLoopback })) return;
  throw new UsageError(
    `"${url}" cannot be fetched: an agent calls https addresses, and plain http on loopback only.`,
  );
}

/** An agent without `--id` lives on loopback for as long as it runs: only what is on this machine can look it up. */
function checkIdentity(url: string, { id, scheme }: FetchOptions, insecureLoopback: boolean): void {
  if (scheme !== 'jwks') return;
  if (id !== undefined) readIdentifier('--id', id, insecureLoopback);
  else if (!isLoopbackUrl(url) && !insecureLoopback) {
    throw new UsageError(
      '--id is missing: a resource elsewhere cannot reach an agent on this machine. Give an https origin that ' +
        'publishes your keys, or --scheme hwk.',
    );
  }
}

/** An identity of one's own is published by this process, unless `--id` says that it is published elsewhere. */
function needsListener({ id, listen: port, scheme }: FetchOptions): boolean {
  return port !== undefined || (id === undefined && scheme === 'jwks');
}

/** Who the agent is. */
type Identity = Pick<
  AgentOptions,
  'id' | 'scheme' | 'agentToken' | 'redirectUri' | 'insecureLoopback'
>;

function ownIdentity(
  { id, scheme }: FetchOptions,
  server: Listening | undefined,
  insecureLoopback: boolean,
): Identity {
  return {
    id: id ?? server?.url ?? 'http://127.0.0.1:1',
    scheme: scheme === 'hwk' ? 'hwk' : 'jwks',
    insecureLoopback: insecureLoopback || id === undefined,
  };
}

function makeAgent(
  options: FetchOptions,
  keys: KeySet,
  identity: Identity,
  self: () => Agent | undefined,
): Agent {
  const { wire } = options;
  return createAgent({
    ...identity,
    keys,
    wire,
    allowMissingState: options.allowMissingState ?? wire === '2026-01',
    interactionTimeoutSeconds: options.timeout,
    name: 'countersign fetch',
    interaction: terminalInteraction({
      openBrowser: options.browser && process.stderr.isTTY,
      agent: () => {
        const agent = self();
        if (agent === undefined) throw new TypeError('the agent has not been made yet');
        return agent;
      },
    }),
    ...(options.tokens === undefined ? {} : { store: fileStore(options.tokens) }),
    ...(options.verbose ? { fetch: traceAgent(fetch, (text) => process.stderr.write(text)) } : {}),
  });
}
