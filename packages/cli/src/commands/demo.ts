import type { Wire } from '@countersign/httpsig';
import { type Command, Option } from 'commander';
import { UsageError } from '../command-error.js';
import { type FlowResult, runUserDelegation } from '../demo/user-delegation.js';
import { out } from '../terminal.js';
import { readPort, withEnvironment } from './option-environment.js';

interface Options {
  readonly manual?: boolean;
  readonly wire: Wire;
  readonly agentPort: number;
  readonly resourcePort: number;
  readonly authPort: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

type Flow = (options: Parameters<typeof runUserDelegation>[0]) => Promise<FlowResult>;

/** The flows that can be shown, in the order in which `all` runs them. */
const flows = new Map<string, Flow>([['user-delegation', runUserDelegation]]);

export function addDemo(program: Command): void {
  const names = [...flows.keys(), 'all'];
  const command = program
    .command('demo')
    .description('run a flow with an agent, a resource and an auth server of its own')
    .argument('[flow]', names.join(' | '), 'user-delegation')
    .option('--manual', 'wait for a person with a browser')
    .addOption(
      new Option('--wire <wire>', 'signature encoding')
        .choices(['rfc9421', '2026-02', '2026-01'])
        .default('rfc9421'),
    )
    .option('--agent-port <n>', 'port of the agent', readPort, 8001)
    .option('--resource-port <n>', 'port of the resource', readPort, 8002)
    .option('--auth-port <n>', 'port of the auth server', readPort, 8003)
    .option('--quiet', 'no trace, only the result')
    .option('--json', 'print the result as JSON')
    .action(async (name: string, options: Options) => {
      const chosen = name === 'all' ? [...flows.values()] : [flows.get(name)];
      const results: FlowResult[] = [];
      for (const flow of chosen) {
        if (flow === undefined) {
          throw new UsageError(`There is no flow "${name}". Flows: ${names.join(', ')}.`);
        }
        results.push(
          await flow({
            ...options,
            manual: options.manual ?? false,
            quiet: options.quiet ?? false,
            json: options.json ?? false,
          }),
        );
      }
      if (options.json) out(`${JSON.stringify(results)}\n`);
      else if (name === 'all') {
        for (const { flow, passed, requests, milliseconds } of results) {
          out(
            `${passed ? 'PASS' : 'FAIL'}  ${flow.padEnd(24)} ${requests} requests  ${milliseconds} ms\n`,
          );
        }
      }
      if (results.some(({ passed }) => !passed)) process.exitCode = 1;
    });
  withEnvironment(command);
}
