/**
 * `check:kill` on SQLite with power cuts in place of kills: whatever the server had not synced when it was killed is lost, or
 * not, sector by sector. Every answer it gave has to hold none the less. `npm run check:power -- --kills 100 --seed 7`;
 * `--prove` as there. Needs Linux and a C compiler.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { makeDisk } from './check-kill/power/power.js';

const CHECK = fileURLToPath(new URL('check-kill.js', import.meta.url));

let disk;
try {
  disk = await makeDisk();
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
const { status } = spawnSync(
  process.execPath,
  [CHECK, '--database', 'power', ...process.argv.slice(2)],
  { stdio: 'inherit', env: { ...process.env, ...disk.environment } },
);
await disk.remove();
process.exitCode = status ?? 1;
