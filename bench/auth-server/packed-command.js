import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../../scripts/bundle.js';
import { makeCodeCache } from '../../scripts/code-cache.js';
import { root } from '../../scripts/run.js';

/** Does `work` with the first file of the command as it is staged: in few files, with its code cache. */
export async function withPackedCommand(work) {
  const packed = join(root, 'packages/cli/.bench');
  const remove = () => rmSync(packed, { recursive: true, force: true });
  process.on('exit', remove);
  try {
    await bundle(join(packed, 'program'));
    for (const part of ['bin', 'package.json']) {
      cpSync(join(root, 'packages/cli', part), join(packed, part), { recursive: true });
    }
    makeCodeCache(packed);
    return await work(join(packed, 'bin/countersign.js'));
  } finally {
    remove();
    process.off('exit', remove);
  }
}
