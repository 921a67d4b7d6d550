import type { Interaction } from '@countersign/agent';
import { createInterface } from 'node:readline/promises';
import { CommandError } from '../command-error.js';
import { out } from '../terminal.js';
import { titledBlock } from '../trace/block.js';
import { decodedLines } from './observed.js';
import type { Play } from './play.js';
import { DEMO_PERSON, type Stage } from './stage.js';

/** With a person to wait for, the URL is the one thing that cannot be left out: it is shown even when quiet. */
export const manualInteraction: Interaction = {
  mode: 'wait',
  present: ({ url }) => {
    process.stderr.write(
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

/** The captured run: from the first challenge to a second request that meets none (PROTOCOL section 8). */
export const userDelegation: Play = {
  flow: 'user-delegation',
  title: 'User Delegation',
  steps: [
    'The agent requests the resource and is challenged with a resource token',
    'The agent presents the resource token to the auth server and gets a request token',
    `A person signs in (${DEMO_PERSON.username} / ${DEMO_PERSON.password}) and approves in the browser`,
    'The agent exchanges the code for an auth token bound to its key',
    'The agent retries with the auth token, and the resource grants access',
    'A second request uses the token at once',
  ],
  async perform(stage) {
    const { options, signal, observed } = stage;
    const agentSeat = await stage.seat('Agent');
    const resourceSeat = await stage.seat('Resource');
    const authServerSeat = await stage.seat('Auth server');
    const { agent } = await stage.agent({
      seat: agentSeat,
      ...(options.manual ? { interaction: manualInteraction } : {}),
    });
    await stage.resource([authServerSeat.id], { seat: resourceSeat });
    await stage.authServer({ seat: authServerSeat });
    if (options.manual && process.stdin.isTTY) await pressEnter(stage);

    const url = `${resourceSeat.id}/data-auth`;
    const first = await agent.fetch(url, { signal });
    const body = await first.text();
    if (first.status !== 200) throw new CommandError(`The resource answered ${first.status}.`);
    const asked = observed.requests;
    const second = await agent.fetch(url, { signal });
    const repeated = observed.requests - asked;
    stage.check(
      second.status === 200 && body === (await second.text()),
      'the second answer is the same',
    );
    stage.check(repeated === 1, 'the second request met no challenge');
    if (!options.json) {
      if (!options.quiet) {
        out(titledBlock('RESOURCE TOKEN (decoded)', decodedLines(observed.resourceToken)));
        out(titledBlock('AUTH TOKEN (decoded)', decodedLines(observed.authToken)));
      }
      out(`${body}\n`);
    }
    return 'access granted; the second request needed no challenge';
  },
};

async function pressEnter({ signal }: Stage): Promise<void> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  reader.on('SIGINT', () => process.emit('SIGINT'));
  try {
    await reader.question('Ready. Press Enter to begin... ', { signal });
  } catch {
    process.stderr.write('\n');
    signal.throwIfAborted();
  } finally {
    reader.close();
  }
}
