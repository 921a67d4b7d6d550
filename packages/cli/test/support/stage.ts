import { Stage } from '../../src/demo/stage.js';

/** Real servers on loopback, as the demonstration has them, for one test; cleared away whatever happens. */
export async function onStage<T>(use: (stage: Stage) => Promise<T>): Promise<T> {
  const options = {
    agentPort: 0,
    resourcePort: 0,
    authPort: 0,
    wire: 'rfc9421' as const,
    quiet: true,
    json: true,
    manual: false,
  };
  const stage = await Stage.open(options, new AbortController().signal);
  try {
    return await use(stage);
  } finally {
    await stage.close();
  }
}

/** `request` of every message from a party to another, in order. */
export function requestsTo(stage: Stage, to: string, from = 'Agent'): string[] {
  return stage.observed.messages
    .filter((message) => message.to === to && message.from === from)
    .map(({ request }) => request);
}
