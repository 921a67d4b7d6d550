import type { Interaction } from '@countersign/agent';
import { createInterface } from 'node:readline/promises';
import { CommandError } from '../command-error.js';
import { out } from '../terminal.js';
import { titledBlock } from '../trace/block.js';
import type { FlowOptions, FlowResult } from './flow.js';
import { Interruption } from './interruption.js';
import { decodedLines, Observed } from './observed.js';
import { DEMO_PERSON, startParties } from './parties.js';
import { approveAsPerson } from './person.js';

const STEPS = [
  '1. The agent requests the resource and is challenged with a resource token',
  '2. The agent presents the resource token to the auth server and gets a request token',
  '3. A person signs in and approves in the browser',
  '4. The agent exchanges the code for an auth token bound to its key',
  '5. The agent retries with the auth token, and the resource grants access',
  '6. A second request uses the token at once',
];

function manualInteraction(write: (text: string) => void): Interaction {
  return {
    mode: 'wait',
    present: ({ url }) => {
      write(
        titledBlock('MANUAL CONSENT REQUIRED', [
          '',
          'Please open the following URL in your browser:',
          '',
          `  ${url}`,
          '',
          `Sign in as ${DEMO_PERSON.username} with the password ${DEMO_PERSON.password}.`,
          'After you approve, the demonstration goes on by itself.',
          'Waiting for the authorization code...',
        ]),
      );
    },
  };
}

/** A built-in person: signs in and approves through the real pages. */
const automaticInteraction: Interaction = {
  mode: 'wait',
  present: async ({ url }) => {
    await approveAsPerson(url, DEMO_PERSON);
  },
};

/** The user-delegation flow: the captured run, from the first challenge to a second request that meets none. */
export async function runUserDelegation(options: FlowOptions): Promise<FlowResult> {
  const { manual, quiet } = options;
  const write = (text: string): void => {
    if (!quiet) process.stderr.write(text);
  };
  // With a person to wait for, the URL is the one thing that cannot be left out.
  const ask = (text: string): void => {
    process.stderr.write(text);
  };
  write(
    titledBlock('User Delegation', [
      `MODE: ${manual ? 'a person with a browser' : 'automatic (a built-in person signs in and approves)'}`,
      '',
      ...STEPS,
      '',
      `Credentials: ${DEMO_PERSON.username} / ${DEMO_PERSON.password}`,
    ]),
  );
  const observed = new Observed();
  const interruption = new Interruption();
  const { signal } = interruption;
  const started = performance.now();
  const parties = await startParties(
    options,
    manual ? manualInteraction(ask) : automaticInteraction,
    observed,
  );
  try {
    if (manual && process.stdin.isTTY) await pressEnter(interruption);
    const url = `${parties.resourceUrl}/data-auth`;
    const first = await parties.agent.fetch(url, { signal });
    const body = await first.text();
    if (first.status !== 200) throw new CommandError(`The resource answered ${first.status}.`);
    const asked = observed.requests;
    const second = await parties.agent.fetch(url, { signal });
    const secondBody = await second.text();
    const repeated = observed.requests - asked;
    const milliseconds = Math.round(performance.now() - started);
    const passed = second.status === 200 && repeated === 1 && body === secondBody;
    const { requests } = observed;
    if (!options.json) {
      if (!quiet) {
        out(titledBlock('RESOURCE TOKEN (decoded)', decodedLines(observed.resourceToken)));
        out(titledBlock('AUTH TOKEN (decoded)', decodedLines(observed.authToken)));
      }
      out(`${body}\n`);
      out(
        passed
          ? `PASS user-delegation: access granted; the second request needed no challenge (${requests} requests, ${milliseconds} ms)\n`
          : `FAIL user-delegation: the second request answered ${second.status} and took ${repeated} requests\n`,
      );
    }
    return { flow: 'user-delegation', passed, requests, milliseconds };
  } finally {
    interruption.end();
    await parties.stop();
  }
}

async function pressEnter({ signal, interrupt }: Interruption): Promise<void> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  reader.on('SIGINT', interrupt);
  try {
    await reader.question('Ready. Press Enter to begin... ', { signal });
  } catch {
    process.stderr.write('\n');
    signal.throwIfAborted();
  } finally {
    reader.close();
  }
}
