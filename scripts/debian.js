/** A fresh Debian in a folder, for checks that need a machine or an image of their own. */
import { spawnSync } from 'node:child_process';

/** What Node is linked with beside the smallest system. */
export const FOR_NODE = ['libstdc++6'];

const isFound = (program) =>
  spawnSync('sh', ['-c', 'command -v "$1"', 'sh', program], { stdio: 'ignore' }).status === 0;

/** Ends the process with an explanation when this is not root, or when a program is missing. */
export function requireForDebian(programs, packages) {
  const missing = programs.filter((program) => !isFound(program));
  if (process.getuid?.() !== 0) console.error('Run this as root, on Debian.');
  else if (missing.length > 0) {
    console.error(`Not found: ${missing.join(', ')}. On Debian: apt-get install ${packages}`);
  } else return;
  process.exit(2);
}

/** Where this machine gets its own release from, by its settings. */
function ownRelease() {
  const format = '$(ORIGIN) $(CODENAME) $(REPO_URI)';
  const { stdout } = spawnSync(
    'apt-get',
    ['indextargets', '--format', format, 'Created-By: Packages'],
    { encoding: 'utf8' },
  );
  const sources = (stdout ?? '').split('\n').map((line) => line.split(' '));
  // Updates have the release's name with something behind it.
  const found = sources.find(
    ([origin, name]) => origin === 'Debian' && /^[a-z]+$/.test(name ?? ''),
  );
  if (found !== undefined) return { name: found[1], mirror: found[2] };
  console.error('No release of Debian is known here: apt-get update');
  return process.exit(2);
}

/** Unpacks and sets up this machine's release in `folder`, the smallest there is, with `packages`. */
export function makeDebian(folder, packages) {
  const { name, mirror } = ownRelease();
  const { status, stdout } = spawnSync(
    'debootstrap',
    ['--variant=minbase', `--include=${packages.join(',')}`, name, folder, mirror],
    { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  if (status !== 0) throw new Error(`debootstrap ended with ${status}:\n${stdout.slice(-4_000)}`);
}
