import type { Wire } from '@countersign/httpsig';
import type { Command } from 'commander';
import { FLOW_NAMES } from '../demo/plays.js';
import { withEnvironment } from '../options/environment.js';
import { readPort, wireOption } from '../options/values.js';

export interface DemoCommandOptions {
  readonly manual?: boolean;
  readonly wire: Wire;
  readonly agentPort: number;
  readonly resourcePort: number;
  readonly authPort: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

export function addDemo(program: Command): void {
  const command = program
    .command('demo')
    .description('run a flow with an agent, a resource and an auth server of its own')
    .argument('[flow]', `${FLOW_NAMES.join(', ')}, or all`, 'user-delegation')
    .option('--manual', 'wait for a person with a browser')
    .addOption(wireOption())
    .option('--agent-port <n>', 'port of the agent', readPort, 8001)
    .option('--resource-port <n>', 'port of the resource', readPort, 8002)
    .option('--auth-port <n>', 'port of the auth server', readPort, 8003)
    .option('--quiet', 'no trace, only the result')
    .option('--json', 'print the result as JSON')
    .action(async (flow: string, options: DemoCommandOptions) => {
      const { runDemo } = await import('../demo/run-demo.js');
      process.exitCode = await runDemo(flow, options);
    });
  withEnvironment(command);
}
