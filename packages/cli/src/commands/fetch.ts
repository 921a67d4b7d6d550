import { type Agent, createAgent } from '@countersign/agent';
import { fileStore } from '@countersign/agent/node';
import type { Wire } from '@countersign/httpsig';
import { isLoopbackHost, isServerIdentifier, type KeySet } from '@countersign/protocol';
import { type Command, Option } from 'commander';
import { writeFile } from 'node:fs/promises';
import { CommandError, UsageError } from '../command-error.js';
import { readRequest } from '../fetch-request.js';
import { type Listening, listen } from '../http/listen.js';
import { loadKeysFile, temporaryKeys } from '../keys-file.js';
import { out } from '../terminal.js';
import { terminalInteraction } from '../terminal-interaction.js';
import { traceAgent } from '../trace/agent-trace.js';
import { collect, readPort, withEnvironment } from './option-environment.js';

interface Options {
  readonly request?: string;
  readonly header?: readonly string[];
  readonly data?: string;
  readonly output?: string;
  readonly include?: boolean;
  readonly verbose?: boolean;
  readonly id?: string;
  readonly listen?: number;
  readonly keys?: string;
  readonly tokens?: string;
  readonly scheme: 'hwk' | 'jwks';
  readonly wire: Wire;
  readonly browser: boolean;
  readonly timeout: number;
  readonly insecureLoopback?: boolean;
}

export function addFetch(program: Command): void {
  const command = program
    .command('fetch')
    .description('a signed request: answers challenges and asks the person')
    .argument('<url>')
    .option('-X, --request <method>', 'method; default GET, or POST with data')
    .option('-H, --header <line>', 'a header, "Name: value" (repeatable)', collect)
    .option('-d, --data <data>', 'body; @FILE reads a file, @- standard input')
    .option('-o, --output <file>', 'write the body to a file')
    .option('-i, --include', 'print the status line and headers before the body')
    .option('-v, --verbose', 'write the exchange to standard error, tokens included')
    .option('--id <url>', 'the agent server identifier; default http://127.0.0.1:LISTEN')
    .option(
      '--listen <port>',
      'serve metadata, keys and callback here; default: any free port',
      readPort,
    )
    .option('--keys <file>', 'keys file, made when absent; default: a key for this run only')
    .option('--tokens <file>', 'keep tokens here, so that the next run needs no approval')
    .addOption(
      new Option(
        '--scheme <scheme>',
        'how to sign: with a published identity, or with the bare key',
      )
        .choices(['hwk', 'jwks'])
        .default('jwks'),
    )
    .addOption(
      new Option('--wire <wire>', 'signature encoding')
        .choices(['rfc9421', '2026-02', '2026-01'])
        .default('rfc9421'),
    )
    .option('--no-browser', 'print the URL to approve on and open no browser')
    .option('--timeout <seconds>', 'how long to wait for the person', Number, 600)
    .option(
      '--insecure-loopback',
      'accept plain http on loopback (implied by an http loopback URL)',
    )
    .addHelpText(
      'after',
      '\nStandard output is the body only. Exit code 0 for a status below 400, 1 for refused, denied, timed out\n' +
        'or 400 and above, 2 for wrong usage.',
    )
    .action(async (url: string, options: Options) => {
      const request = await readRequest(url, {
        ...options,
        ...(options.request === undefined ? {} : { method: options.request }),
      });
      if (!(options.timeout > 0)) throw new UsageError('--timeout takes a number of seconds.');
      process.exitCode = await run(request, options);
    });
  withEnvironment(command);
}

async function run(request: Request, options: Options): Promise<number> {
  const insecureLoopback = options.insecureLoopback ?? isLoopbackUrl(request.url);
  const keys =
    options.keys === undefined ? await temporaryKeys('key-1') : await loadKeysFile(options.keys);
  let agent: Agent | undefined;
  const server = needsListener(options)
    ? await listen(
        async (received) =>
          (await agent?.handle(received)) ?? new Response('Not found', { status: 404 }),
        { host: '127.0.0.1', port: options.listen ?? 0 },
      )
    : undefined;
  try {
    agent = makeAgent(options, keys, server, insecureLoopback, () => agent);
    const response = await agent.fetch(request);
    await writeResponse(response, options);
    return response.status < 400 ? 0 : 1;
  } finally {
    await server?.close();
  }
}

function isLoopbackUrl(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && isLoopbackHost(hostname);
}

/** An identity of one's own is published by this process, unless `--id` says that it is published elsewhere. */
function needsListener({ id, listen: port, scheme }: Options): boolean {
  return port !== undefined || (id === undefined && scheme !== 'hwk');
}

function makeAgent(
  options: Options,
  keys: KeySet,
  server: Listening | undefined,
  insecureLoopback: boolean,
  self: () => Agent | undefined,
): Agent {
  const id = options.id ?? `http://127.0.0.1:${server?.port ?? 1}`;
  if (options.scheme !== 'hwk' && !isServerIdentifier(id, { insecureLoopback })) {
    throw new UsageError(
      options.id === undefined
        ? 'A resource elsewhere cannot reach an agent on this machine: give --id with an https origin that publishes your keys, or --scheme hwk.'
        : '--id must be an https origin such as https://agent.example; plain http needs --insecure-loopback.',
    );
  }
  return createAgent({
    id,
    keys,
    insecureLoopback: insecureLoopback || options.id === undefined,
    scheme: options.scheme,
    wire: options.wire,
    allowMissingState: options.wire === '2026-01',
    interactionTimeoutSeconds: options.timeout,
    name: 'countersign fetch',
    interaction: terminalInteraction({
      openBrowser: options.browser && process.stderr.isTTY,
      agent: () => {
        const agent = self();
        if (agent === undefined) throw new CommandError('The agent has not started yet.');
        return agent;
      },
    }),
    ...(options.tokens === undefined ? {} : { store: fileStore(options.tokens) }),
    ...(options.verbose ? { fetch: traceAgent(fetch, (text) => process.stderr.write(text)) } : {}),
  });
}

async function writeResponse(response: Response, options: Options): Promise<void> {
  if (options.include) {
    const headers = [...response.headers].map(([name, value]) => `${name}: ${value}\n`).join('');
    out(`HTTP/1.1 ${response.status} ${response.statusText}\n${headers}\n`);
  }
  const body = new Uint8Array(await response.arrayBuffer());
  if (options.output === undefined) {
    await new Promise<void>((resolve) => {
      process.stdout.write(body, () => {
        resolve();
      });
    });
    return;
  }
  try {
    await writeFile(options.output, body);
  } catch {
    throw new CommandError(`Cannot write ${options.output}.`);
  }
}
