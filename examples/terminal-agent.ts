/**
 * An agent on a machine with a person: asks in the browser, keeps its tokens in a file.
 *
 *   AGENT_URL=https://agent.example node terminal-agent.js https://api.example/data
 *
 * AGENT_URL is where this program's port 8001 can be reached from outside, behind a TLS proxy.
 */
import { createAgent } from '@countersign/agent';
import { fileStore, listenForCallback, openBrowser } from '@countersign/agent/node';
import { isAAuthError, loadKeySet } from '@countersign/protocol';
import { readFile } from 'node:fs/promises';

const [url = 'https://api.example/data'] = process.argv.slice(2);
// `countersign keygen agent-keys.json` makes the file.
const keys = await loadKeySet(JSON.parse(await readFile('agent-keys.json', 'utf8')));

const agent = createAgent({
  id: process.env['AGENT_URL'] ?? 'https://agent.example',
  keys,
  name: 'Terminal agent',
  interaction: openBrowser(),
  store: fileStore('agent-tokens.json'),
});
const listener = await listenForCallback(agent, { port: 8001 });
try {
  const response = await agent.fetch(url);
  console.log(response.status, await response.text());
} catch (error) {
  if (!isAAuthError(error)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await listener.close();
}
