import { out } from '../terminal.js';
import { titledBlock } from '../trace/block.js';
import type { FlowOptions, FlowResult } from './flow.js';
import { Interruption } from './interruption.js';
import { Stage } from './stage.js';

/** A flow as it is demonstrated. */
export interface Play {
  /** Its name on the command line and in `docs/flows/`. */
  readonly flow: string;
  readonly title: string;
  /** What will be seen, a sentence each. */
  readonly steps: readonly string[];
  /** Carries it out and returns the closing sentence. Throws when something is not as it should be. */
  perform(this: void, stage: Stage): Promise<string>;
}

/** Performs a flow on a stage of its own, which is cleared away whatever happens. */
export async function play(
  { flow, title, steps, perform }: Play,
  options: FlowOptions,
): Promise<FlowResult> {
  const interruption = new Interruption();
  const started = performance.now();
  const stage = await Stage.open(options, interruption.signal);
  try {
    stage.write(
      titledBlock(
        title,
        steps.map((step, at) => `${at + 1}. ${step}`),
      ),
    );
    const closing = await perform(stage);
    const milliseconds = Math.round(performance.now() - started);
    const { requests, messages } = stage.observed;
    if (!options.json) out(`PASS ${flow}: ${closing} (${requests} requests, ${milliseconds} ms)\n`);
    return { flow, passed: true, requests, milliseconds, messages };
  } finally {
    interruption.end();
    await stage.close();
  }
}
