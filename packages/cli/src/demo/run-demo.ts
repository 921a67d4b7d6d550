import { CommandError, UsageError } from '../command-error.js';
import type { DemoCommandOptions } from '../commands/demo.js';
import { reportError } from '../report-error.js';
import { out } from '../terminal.js';
import type { FlowResult } from './flow.js';
import { FLOW_NAMES, plays } from './plays.js';

/** `countersign demo`; returns the exit code. */
export async function runDemo(name: string, options: DemoCommandOptions): Promise<number> {
  const { manual = false, quiet = false, json = false } = options;
  const chosen = [...plays].filter(([flow]) => name === 'all' || flow === name);
  if (chosen.length === 0) {
    throw new UsageError(
      `There is no flow "${name}". Flows: ${[...FLOW_NAMES, 'all'].join(', ')}.`,
    );
  }
  checkPorts(options);
  const results: FlowResult[] = [];
  for (const [flow, load] of chosen) {
    results.push(
      await settled(flow, async () => {
        const { play } = await import('./play.js');
        return await play(await load(), { ...options, manual, quiet, json });
      }),
    );
  }
  if (json) out(`${JSON.stringify(results)}\n`);
  else if (name === 'all') out(summaryTable(results));
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
    return { flow, passed: false, requests: 0, milliseconds: 0, messages: [], error: message };
  }
}

/** What `demo all` ends with: a line for each flow, and one for all of them. */
function summaryTable(results: readonly FlowResult[]): string {
  const width = Math.max(...results.map(({ flow }) => flow.length));
  const row = (mark: string, flow: string, requests: string, milliseconds: string): string =>
    `${mark.padEnd(4)}  ${flow.padEnd(width)}  ${requests.padStart(8)}  ${milliseconds.padStart(7)}`;
  const sum = (pick: (result: FlowResult) => number): number =>
    results.reduce((total, result) => total + pick(result), 0);
  const passed = results.filter((result) => result.passed).length;
  const lines = [
    row('', 'flow', 'requests', 'ms'),
    ...results.map((result) =>
      row(
        result.passed ? 'PASS' : 'FAIL',
        result.flow,
        String(result.requests),
        String(result.milliseconds),
      ),
    ),
    row(
      passed === results.length ? 'PASS' : 'FAIL',
      `${passed} of ${results.length}`,
      String(sum(({ requests }) => requests)),
      String(sum(({ milliseconds }) => milliseconds)),
    ),
  ];
  return `\n${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}
