import { readFileSync } from 'node:fs';

/** Linux counts processor time in ticks of a hundredth of a second on every architecture (USER_HZ; proc(5)). */
const TICK_MS = 10;

/**
 * The processor time that a process has used so far, user and system, of all its threads, in milliseconds. Undefined where
 * there is no /proc. Errors: when there is no such process any more.
 *
 * Source: proc(5), /proc/pid/stat, utime and stime.
 */
function readCpuMs(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field, the program's name in parentheses, may hold blanks: the third begins behind the last of them.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** The memory of a process that is resident, in MiB. Undefined where there is no /proc. */
export function readResidentMib(pid: number): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const kib = /^VmRSS:\s+(?<kib>\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.groups?.['kib'];
  return kib === undefined ? undefined : Number(kib) / 1_024;
}

/** Begins to measure a process; the returned function tells the milliseconds of processor time used since. */
export function measureCpu(pid: number): () => number | undefined {
  const before = readCpuMs(pid);
  return () => {
    const after = readCpuMs(pid);
    return before === undefined || after === undefined ? undefined : after - before;
  };
}
