/** Holds processes to a share of a core, by control groups of Linux (version 1 or 2). */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const PREFIX = 'countersign-bench-';

/** Where control groups of processor time can be made, or why they cannot. */
export function findControlGroups() {
  if (process.platform !== 'linux') return { reason: `this is ${process.platform}, not Linux` };
  if (process.getuid() !== 0) return { reason: 'this is not root' };
  try {
    const groups = mountedGroups();
    if (groups === undefined) return { reason: 'no control groups of processor time are mounted' };
    // Inside a container they may be there and not be ours to make.
    const trial = join(groups.parent, `${PREFIX}${process.pid}-trial`);
    try {
      makeGroup(groups, trial, 1, 100_000);
    } finally {
      if (existsSync(trial)) rmdirSync(trial);
    }
    return groups;
  } catch (error) {
    return { reason: `control groups cannot be made: ${error.message}` };
  }
}

function mountedGroups() {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const first = mounts.find(
    ([, , type, options]) => type === 'cgroup' && options.split(',').includes('cpu'),
  );
  if (first !== undefined) return { parent: first[1], version: 1 };
  const second = mounts.find(
    ([, folder, type]) =>
      type === 'cgroup2' &&
      /\bcpu\b/.test(readFileSync(join(folder, 'cgroup.controllers'), 'utf8')),
  );
  return second === undefined ? undefined : { parent: second[1], version: 2 };
}

function makeGroup({ parent, version }, folder, share, periodMicroseconds) {
  if (version === 2) writeFileSync(join(parent, 'cgroup.subtree_control'), '+cpu');
  mkdirSync(folder);
  const quota = Math.round(share * periodMicroseconds);
  if (version === 2) {
    writeFileSync(join(folder, 'cpu.max'), `${quota} ${periodMicroseconds}`);
    return;
  }
  writeFileSync(join(folder, 'cpu.cfs_period_us'), `${periodMicroseconds}`);
  writeFileSync(join(folder, 'cpu.cfs_quota_us'), `${quota}`);
}

function remove(folder, parent) {
  if (!existsSync(folder)) return;
  for (const pid of readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n')) {
    if (pid === '') continue;
    try {
      writeFileSync(join(parent, 'cgroup.procs'), pid);
    } catch {
      // It has ended meanwhile.
    }
  }
  rmdirSync(folder);
}

/** What an earlier run left that was killed. */
function removeAbandoned(parent) {
  for (const name of readdirSync(parent).filter((one) => one.startsWith(PREFIX))) {
    if (existsSync(`/proc/${name.slice(PREFIX.length).split('-')[0]}`)) continue;
    try {
      rmdirSync(join(parent, name));
    } catch {
      // A process that was left is still in it.
    }
  }
}

/**
 * Holds each process to `share` of a core, counted in periods. Returns what lets them go again, which also happens
 * when this process ends in any way that it notices, and throws what the system says against it.
 */
export function holdEach(pids, groups, share, periodMicroseconds) {
  const { parent } = groups;
  removeAbandoned(parent);
  const folders = pids.map((pid) => join(parent, `${PREFIX}${process.pid}-${pid}`));
  const release = () => {
    for (const folder of folders) remove(folder, parent);
    process.off('exit', release);
  };
  process.on('exit', release);
  try {
    for (const [index, folder] of folders.entries()) {
      makeGroup(groups, folder, share, periodMicroseconds);
      writeFileSync(join(folder, 'cgroup.procs'), `${pids[index]}`);
    }
  } catch (error) {
    release();
    throw error;
  }
  return release;
}
