/** Commands as the documentation gives them, so that what is written there is what was tried. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../run.js';

const MARKED = /<!-- tried: ([a-z-]+) -->\n+```sh\n([\s\S]*?)```/g;

/** The block that `<!-- tried: name -->` stands above in a page of `docs`. */
export function documented(page, name) {
  const text = readFileSync(join(root, 'docs', page), 'utf8');
  const found = Array.from(text.matchAll(MARKED)).filter(([, marked]) => marked === name);
  if (found.length !== 1) {
    throw new Error(`docs/${page} has ${found.length} blocks marked "tried: ${name}", not one.`);
  }
  return found[0][2];
}

/** Puts this run's paths and hosts in the place of the documentation's; each must be there. */
export function translate(text, replacements) {
  let result = text;
  for (const [from, to] of replacements) {
    if (!result.includes(from)) throw new Error(`"${from}" is not in:\n${text}`);
    result = result.replaceAll(from, to);
  }
  return result;
}

/** Runs a block in a shell that ends at the first error, started by `by` when given. Returns what it wrote. */
export async function runShell(text, env, by = []) {
  const [program, ...args] = [...by, 'bash', '-euo', 'pipefail', '-c', text];
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => (output += chunk));
  }
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`these commands ended with ${code}:\n${text}\n${output}`);
  return output;
}
