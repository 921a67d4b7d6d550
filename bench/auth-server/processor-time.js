import { readFileSync } from 'node:fs';

const MILLISECONDS_A_TICK = 10;

/** Processor time that these processes have taken so far, all of their threads; `NaN` where the system does not say. */
export function processorTime(pids) {
  if (process.platform !== 'linux') return NaN;
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return sum + (Number(fields[11]) + Number(fields[12])) * MILLISECONDS_A_TICK;
  }, 0);
}
