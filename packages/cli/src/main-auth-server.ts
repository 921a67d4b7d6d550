/**
 * `countersign serve auth-server` alone, which is packed into a file of its own: a server that is restarted has to be back
 * at once, and finding the other commands costs as much as all that it does itself. For any other words there is `main.ts`.
 */
import type { Command } from 'commander';
import { addServeAuthServer } from './commands/serve-auth-server.js';
import { addServe, rootCommand } from './root-command.js';
import { runWords } from './run-words.js';
// The command loads it when it runs; named here too, it comes into the same file.
import './serve/auth-server.js';
import { outliveReaders } from './terminal.js';

function createProgram(): Command {
  const program = rootCommand();
  addServeAuthServer(addServe(program));
  return program;
}

async function main(): Promise<void> {
  outliveReaders();
  const code = await runWords(createProgram, process.argv.slice(2));
  // The command may have set one itself.
  if (code !== 0) process.exitCode = code;
}

// Packed, this is no module that could wait; whatever is not told by then ends the process.
void main();
