/**
 * An agent that makes a report: it asks for what it needs before it begins, tries again where that makes sense, and
 * takes a no for a no.
 *
 *   AGENT_URL=https://agent.example node report-agent.js https://api.example
 *
 * AGENT_URL is where this program's port 8001 can be reached from outside, behind a TLS proxy.
 */
import { type Agent, createAgent } from '@countersign/agent';
import { fileStore, listenForCallback, openBrowser } from '@countersign/agent/node';
import { type AAuthError, isAAuthError, loadKeySet } from '@countersign/protocol';
import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';

const SCOPES = ['data.read'];
const ATTEMPTS = 5;

/** Waits before the next attempt: as long as the other side said, else longer each time. False: do not try again. */
async function mayTryAgain(error: AAuthError, attempt: number, signal: AbortSignal) {
  switch (error.retry) {
    case 'later':
      if (attempt >= ATTEMPTS) return false;
      await wait((error.retryAfterSeconds ?? 2 ** attempt) * 1000, undefined, { signal });
      return true;
    case 'ask-person-again':
      console.error('Start the report again when you want to be asked again.');
      return false;
    case 'after-approval':
    case 'never':
      return false;
  }
}

async function report(agent: Agent, resource: string, signal: AbortSignal): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      // The person is asked now or not at all: never in the middle of the work.
      await agent.authorize(resource, { scopes: SCOPES, signal });
      const response = await agent.fetch(`${resource}/data`, { signal });
      if (!response.ok) throw new Error(`${resource} answered ${response.status}`);
      return await response.text();
    } catch (error) {
      if (!isAAuthError(error)) throw error;
      console.error(`Refused by ${error.refusedBy ?? 'nobody'}: ${error.message}`);
      if (!(await mayTryAgain(error, attempt, signal))) throw error;
    }
  }
}

const [resource = 'https://api.example'] = process.argv.slice(2);
const stopping = new AbortController();
process.once('SIGINT', () => {
  stopping.abort(new Error('interrupted'));
});

// Read again on SIGHUP: a key can be changed while the program runs, and nobody has to approve anew.
const readKeys = async () => loadKeySet(JSON.parse(await readFile('agent-keys.json', 'utf8')));
let keys = await readKeys();
process.on('SIGHUP', () => {
  readKeys().then(
    (next) => (keys = next),
    () => console.error('agent-keys.json cannot be used; the former keys stay.'),
  );
});

const agent = createAgent({
  id: process.env['AGENT_URL'] ?? 'https://agent.example',
  keys: () => keys,
  name: 'Report agent',
  interaction: openBrowser(),
  store: fileStore('agent-tokens.json'),
});
const listener = await listenForCallback(agent, { port: 8001 });
try {
  console.log(await report(agent, resource, stopping.signal));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await listener.close();
}
