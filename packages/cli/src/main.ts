import { runCommand } from './program.js';
import { outliveReaders } from './terminal.js';

outliveReaders();
const code = await runCommand(process.argv.slice(2));
// Commands may have set one themselves.
if (code !== 0) process.exitCode = code;
