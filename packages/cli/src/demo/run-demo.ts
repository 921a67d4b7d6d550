import { CommandError, UsageError } from '../command-error.js';
import type { DemoCommandOptions } from '../commands/demo.js';
import { reportError } from '../report-error.js';
import { out } from '../terminal.js';
import type { FlowOptions, FlowResult } from './flow.js';

type Flow = (options: FlowOptions) => Promise<FlowResult>;

/** The flows that can be shown, in the order in which `all` runs them. */
const flows = new Map<string, () => Promise<Flow>>([
  ['user-delegation', async () => (await import('./user-delegation.js')).runUserDelegation],
]);

/** `countersign demo`; returns the exit code. */
export async function runDemo(name: string, options: DemoCommandOptions): Promise<number> {
  const { manual = false, quiet = false, json = false } = options;
  const chosen = [...flows].filter(([flow]) => name === 'all' || flow === name);
  if (chosen.length === 0) {
    throw new UsageError(
      `There is no flow "${name}". Flows: ${[...flows.keys(), 'all'].join(', ')}.`,
    );
  }
  checkPorts(options);
  const results: FlowResult[] = [];
  for (const [flow, load] of chosen) {
    results.push(
      await settled(flow, async () => {
        const runFlow = await load();
        return await runFlow({ ...options, manual, quiet, json });
      }),
    );
  }
  if (json) out(`${JSON.stringify(results)}\n`);
  else if (name === 'all') {
    for (const { flow, passed, requests, milliseconds } of results) {
      out(
        `${passed ? 'PASS' : 'FAIL'}  ${flow.padEnd(24)} ${requests} requests  ${milliseconds} ms\n`,
      );
    }
  }
  return results.every(({ passed }) => passed) ? 0 : 1;
}

function checkPorts({ agentPort, resourcePort, authPort }: DemoCommandOptions): void {
  const ports = [agentPort, resourcePort, authPort];
  if (new Set(ports).size === ports.length) return;
  throw new UsageError(
    `--agent-port, --resource-port and --auth-port are ${ports.join(', ')}: they must differ.`,
  );
}

/** A flow that fails is a result too: the others still run, and `--json` has something to say. */
async function settled(flow: string, run: () => Promise<FlowResult>): Promise<FlowResult> {
  try {
    return await run();
  } catch (error) {
    // Wrong usage, and being stopped, are not about the flow.
    if (error instanceof CommandError && error.exitCode !== 1) throw error;
    await reportError(error);
    const message = error instanceof Error ? error.message : 'unknown error';
    return { flow, passed: false, requests: 0, milliseconds: 0, error: message };
  }
}
