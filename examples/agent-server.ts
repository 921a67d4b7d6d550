/**
 * An agent server: publishes an agent's identity, and issues agent tokens to programs elsewhere that act for it.
 *
 *   AGENT_URL=https://agent.example node agent-server.js              serves on port 8001, behind a TLS proxy
 *   AGENT_URL=https://agent.example node agent-server.js add laptop   prints the secret for laptop-delegate.ts
 *   AGENT_URL=https://agent.example node agent-server.js revoke laptop
 *
 * `countersign serve agent` and `countersign delegate` do the same without a program of your own.
 */
import { addDelegate, createAgent, enrolmentSecrets } from '@countersign/agent';
import { listenForCallback } from '@countersign/agent/node';
import { sqliteAgentServerStore } from '@countersign/agent/sqlite';
import { isAAuthError, loadKeySet, systemClock } from '@countersign/protocol';
import { readFile } from 'node:fs/promises';

const [command = 'serve', name = ''] = process.argv.slice(2);
// One file for one agent server: whoever is enrolled in it may act for this agent.
const store = sqliteAgentServerStore('agent-server.db');

switch (command) {
  case 'add':
    try {
      const { enrolmentSecret } = await addDelegate(store.delegates, name);
      console.log(enrolmentSecret);
    } catch (error) {
      if (!isAAuthError(error)) throw error;
      console.error(error.message);
      process.exitCode = 1;
    }
    store.close();
    break;
  case 'revoke':
    if (!(await store.delegates.revoke(name, systemClock()))) {
      console.error(`There is no delegate ${name}.`);
      process.exitCode = 1;
    }
    store.close();
    break;
  default: {
    const agent = createAgent({
      id: process.env['AGENT_URL'] ?? 'https://agent.example',
      // `countersign keygen agent-keys.json` makes the file.
      keys: await loadKeySet(JSON.parse(await readFile('agent-keys.json', 'utf8'))),
      name: 'Mail helper',
      // This program asks nobody; its callback page shows people the address that their own program waits for.
      interaction: { mode: 'none' },
      delegates: {
        authenticate: enrolmentSecrets(store.delegates),
        replay: store.replay,
        onRefused: ({ code, rule }) => console.error(`refused: ${code} (${rule ?? '-'})`),
      },
    });
    const listener = await listenForCallback(agent, { port: 8001 });
    console.error(`listening on ${listener.url}`);
    process.once('SIGTERM', () => {
      void listener.close().then(() => {
        store.close();
      });
    });
  }
}
