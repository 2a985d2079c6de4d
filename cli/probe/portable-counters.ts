import { cpus, freemem, totalmem } from 'node:os';
import { performance } from 'node:perf_hooks';
import { onlyTold, type HostCounters } from './host-counters.js';

/** The unit in which POSIX systems count a process's blocks (getrusage(2)). */
const BLOCK_BYTES = 512;

/** What Node.js itself knows, at once: the machine's processors and memory; otherwise this process as a stand-in. */
export function readNodeCounters(): HostCounters {
  const own = process.resourceUsage();
  return {
    ...onlyTold({
      memoryUsedPercent: (100 * (totalmem() - freemem())) / totalmem(),
      pageFaults: own.minorPageFault + own.majorPageFault,
      contextSwitches: own.voluntaryContextSwitches + own.involuntaryContextSwitches,
      diskWrittenBytes: own.fsWrite * BLOCK_BYTES,
      diskOperations: own.fsRead + own.fsWrite,
    }),
    ...readProcessors(),
  };
}

function readProcessors(): HostCounters {
  const processors = cpus();
  let user = 0;
  let system = 0;
  let total = 0;
  for (const { times } of processors) {
    user += times.user + times.nice;
    system += times.sys + times.irq;
    total += times.user + times.nice + times.sys + times.idle + times.irq;
  }
  if (total > 0) return onlyTold({ cpuUser: user, cpuSystem: system, cpuTotal: total });
  const own = process.cpuUsage();
  const elapsedUs = performance.now() * 1000;
  return onlyTold({
    cpuUser: own.user,
    cpuSystem: own.system,
    cpuTotal: elapsedUs * Math.max(1, processors.length),
  });
}

/** Counters that take long to read: read in the background, handed out as they came last. */
export interface BackgroundCounters {
  /** Waits for the first reading. Errors: whatever made it fail. */
  start(): Promise<void>;
  /** The newest reading. Begins the next one, unless one is under way. */
  latest(): HostCounters;
}

/**
 * What macOS and Windows tell through the programs that `systeminformation` runs: too slow to wait for every second.
 *
 * @param report told why, when a reading fails that was not the first; once until one succeeds again
 */
export function createSystemCounters(report: (error: unknown) => void): BackgroundCounters {
  let newest: HostCounters = {};
  let underWay = false;
  let failing = false;

  async function refresh(): Promise<void> {
    underWay = true;
    try {
      newest = { ...newest, ...(await readSystemCounters()) };
      failing = false;
    } finally {
      underWay = false;
    }
  }

  return {
    start: refresh,
    latest() {
      if (!underWay) {
        refresh().catch((error: unknown) => {
          if (!failing) report(error);
          failing = true;
        });
      }
      return newest;
    },
  };
}

/** One reading through `systeminformation`. It resolves to null what a system cannot tell, against its own types. */
async function readSystemCounters(): Promise<HostCounters> {
  const { mem, networkStats, fsStats, disksIO } = await import('systeminformation');
  const [memory, interfaces, files, disks] = await Promise.all([
    mem(),
    networkStats('*'),
    fsStats() as Promise<Awaited<ReturnType<typeof fsStats>> | null>,
    disksIO() as Promise<Awaited<ReturnType<typeof disksIO>> | null>,
  ]);
  return onlyTold({
    memoryUsedPercent: (100 * (memory.total - memory.available)) / memory.total,
    memoryDirtyBytes: memory.dirty ?? undefined,
    networkReceivedBytes: interfaces.reduce((sum, one) => sum + one.rx_bytes, 0),
    diskWrittenBytes: files?.wx,
    diskOperations: disks?.tIO,
  });
}
