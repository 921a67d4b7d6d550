import { join } from 'node:path';
import { build, root, runNode } from './run.js';

build();
const args = ['demo', ...process.argv.slice(2)];
process.exitCode = runNode(join(root, 'packages/cli/bin/countersign.js'), args);
