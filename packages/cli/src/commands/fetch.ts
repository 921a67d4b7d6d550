import type { Wire } from '@countersign/httpsig';
import { type Command, Option } from 'commander';
import { withEnvironment } from '../options/environment.js';
import { listOption, readListenPort, readSeconds, wireOption } from '../options/values.js';

export interface FetchOptions {
  readonly request?: string;
  readonly header?: readonly string[];
  readonly data?: readonly string[];
  readonly output?: string;
  readonly include?: boolean;
  readonly verbose?: boolean;
  readonly id?: string;
  readonly listen?: number;
  readonly keys?: string;
  readonly tokens?: string;
  readonly scheme: 'hwk' | 'jwks' | 'jwt';
  readonly agentServer?: string;
  readonly delegate?: string;
  readonly enrolmentSecretFile?: string;
  readonly wire: Wire;
  readonly browser: boolean;
  readonly timeout: number;
  readonly insecureLoopback?: boolean;
  readonly allowMissingState?: boolean;
}

export function addFetch(program: Command): void {
  const command = program
    .command('fetch')
    .description('send a signed request: answers challenges and asks the person')
    .argument('<url>')
    .option('-X, --request <method>', 'method; default GET, or POST with data')
    .addOption(
      listOption('-H, --header <line>', 'a header, "Name: value" (repeatable)', {
        parted: 'lines',
      }),
    )
    .addOption(
      new Option(
        '-d, --data <data>',
        'body; @FILE reads a file, @- standard input; several are joined with &',
      ).argParser((value: string, previous?: readonly string[]) => [...(previous ?? []), value]),
    )
    .option('-o, --output <file>', 'write the body to a file')
    .option('-i, --include', 'print the status line and headers before the body')
    .option('-v, --verbose', 'write the exchange to standard error, tokens included')
    .option('--id <url>', 'the agent server identifier; default http://127.0.0.1:LISTEN')
    .option(
      '--listen <port>',
      'serve metadata, keys and callback here; default: one that follows from the keys file, or any free one',
      readListenPort,
    )
    .option(
      '--keys <file>',
      'keys file, made when absent; default: FILE.keys with --tokens FILE, else a key for this run',
    )
    .option('--tokens <file>', 'keep tokens here, so that the next run needs no approval')
    .addOption(
      new Option(
        '--scheme <scheme>',
        'how to sign: with a published identity, with the bare key, or as a delegate of --agent-server',
      )
        .choices(['hwk', 'jwks', 'jwt'])
        .default('jwks'),
    )
    .option('--agent-server <url>', 'with --scheme jwt: the agent server to act for')
    .option(
      '--delegate <sub>',
      'with --scheme jwt: the name that this program is enrolled with there',
    )
    .option(
      '--enrolment-secret-file <file>',
      'with --scheme jwt: a file with the secret that `countersign delegate add` printed;\n' +
        'default: the variable COUNTERSIGN_ENROLMENT_SECRET',
    )
    .addOption(wireOption())
    .option('--no-browser', 'print the URL to approve on and open no browser')
    .option('--timeout <seconds>', 'how long to wait for the person', readSeconds, 600)
    .option(
      '--insecure-loopback',
      'accept plain http on loopback (implied by an http loopback URL)',
    )
    .option(
      '--allow-missing-state',
      'accept an answer without state, for auth servers that do not return it (implied by --wire 2026-01)',
    )
    .addHelpText(
      'after',
      '\nStandard output is the body only. Exit code 0 for a status below 400, 1 for refused, denied, timed out\n' +
        'or 400 and above, 2 for wrong usage.',
    )
    .action(async (url: string, options: FetchOptions) => {
      const { runFetch } = await import('../fetch/run-fetch.js');
      process.exitCode = await runFetch(url, options);
    });
  withEnvironment(command);
}
