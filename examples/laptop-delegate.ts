/**
 * A program on a person's laptop that acts for the agent of agent-server.ts, under a name and with a key of its own.
 *
 *   AGENT_URL=https://agent.example node laptop-delegate.js https://api.example/data
 *
 * It needs `laptop-secret`, a file with what `agent-server.js add laptop` printed, and `laptop-keys.json`, which
 * `countersign keygen laptop-keys.json` makes. Nobody publishes that key: the agent token says whose it is.
 */
import { createAgent, delegateToken, isDelegateRefused } from '@countersign/agent';
import { fileStore, printUrl } from '@countersign/agent/node';
import { isAAuthError, loadKeySet } from '@countersign/protocol';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

const [url = 'https://api.example/data'] = process.argv.slice(2);
const agentServer = process.env['AGENT_URL'] ?? 'https://agent.example';
const keys = await loadKeySet(JSON.parse(await readFile('laptop-keys.json', 'utf8')));

const agent = createAgent({
  id: agentServer,
  keys,
  agentToken: delegateToken({
    agentServer,
    delegate: 'laptop',
    keys,
    enrolmentSecret: async () => (await readFile('laptop-secret', 'utf8')).trim(),
  }),
  interaction: printUrl(),
  store: fileStore('laptop-tokens.json'),
});

// Consent ends on the agent server's page, which shows an address: it is pasted here.
const terminal = createInterface({ input: process.stdin });
terminal.on('line', (line) => {
  void agent.acceptCallback(line).then((outcome) => {
    if (outcome.kind === 'refused') console.error(outcome.error.message);
  });
});
try {
  const response = await agent.fetch(url);
  console.log(response.status, await response.text());
} catch (error) {
  if (isDelegateRefused(error))
    console.error(`${error.delegate} may act no more: ${error.message}`);
  else if (isAAuthError(error)) console.error(`${error.code}: ${error.message}`);
  else throw error;
  process.exitCode = 1;
} finally {
  terminal.close();
}
