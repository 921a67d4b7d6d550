/** Runs every flow and writes its sequence diagram into `docs/flows/FLOW.md`: `npm run docs:flows`. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sequenceDiagram, withDiagram } from '../packages/cli/dist/demo/diagram.js';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const command = at('packages/cli/bin/countersign.js');
const output = execFileSync(process.execPath, [command, 'demo', 'all', '--quiet', '--json'], {
  maxBuffer: 64 * 1024 * 1024,
});
for (const { flow, messages } of JSON.parse(output)) {
  const file = at(`docs/flows/${flow}.md`);
  const page = withDiagram(readFileSync(file, 'utf8'), flow, sequenceDiagram(messages));
  if (page === undefined) throw new Error(`${file} has no place for the trace of ${flow}`);
  writeFileSync(file, page);
  console.log(`${flow}: ${messages.length} messages`);
}
