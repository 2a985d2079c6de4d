import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { withDeadline } from '../../kernel/lifecycle/lifecycle.js';
import type { HostCounter, HostCounters } from './host-counters.js';
import { createSystemCounters, readNodeCounters, type BackgroundCounters } from './portable-counters.js';
import { PROC_FILES } from './proc-files.js';

/** A machine's counters, and when they were read. */
export interface HostReading {
  /** Milliseconds of a clock that never goes back. */
  readonly readAtMs: number;
  readonly counters: HostCounters;
}

export interface HostReader {
  /** Reads the machine now. Never fails: what cannot be read is left out. */
  read(): Promise<HostReading>;
}

export interface HostReaderOptions {
  /** Where Linux tells about itself; when nothing is there, the system is asked through `systeminformation`. */
  readonly procFolder?: string;
  /** Told why, when the system cannot be asked; once until it can be asked again. */
  readonly report?: (error: unknown) => void;
}

/** How long the first question to the system may take, in milliseconds: Windows starts a PowerShell for it. */
const SYSTEM_DEADLINE_MS = 10_000;

/** Where the counters come from, settled at the first reading: no difference is ever taken between two sources. */
interface Sources {
  readonly system: BackgroundCounters | undefined;
  /** The counters that only Node.js tells, some of them of this process alone. */
  readonly fromNode: readonly HostCounter[];
}

/**
 * Reads the machine's counters from /proc where there is one, and through Node.js and `systeminformation` elsewhere.
 *
 * Sandboxes have only a part of /proc: what is missing there at the first reading comes from Node.js from then on.
 */
export function createHostReader({
  procFolder = '/proc',
  report = () => undefined,
}: HostReaderOptions = {}): HostReader {
  let sources: Sources | undefined;

  async function settleSources(proc: HostCounters): Promise<Sources> {
    const system = Object.keys(proc).length === 0 ? await startSystem(report) : undefined;
    const told = { ...proc, ...system?.latest() };
    const own = Object.keys(readNodeCounters()) as HostCounter[];
    return { system, fromNode: own.filter((name) => !(name in told)) };
  }

  return {
    async read() {
      const proc = await readProc(procFolder);
      sources ??= await settleSources(proc);
      const own = readNodeCounters();
      const fromNode = Object.fromEntries(sources.fromNode.map((name) => [name, own[name]]));
      return {
        readAtMs: performance.now(),
        counters: { ...proc, ...sources.system?.latest(), ...fromNode },
      };
    },
  };
}

async function startSystem(report: (error: unknown) => void): Promise<BackgroundCounters | undefined> {
  const system = createSystemCounters(report);
  try {
    await withDeadline(system.start(), SYSTEM_DEADLINE_MS, "reading the system's counters");
    return system;
  } catch (error) {
    report(error);
    return undefined;
  }
}

async function readProc(folder: string): Promise<HostCounters> {
  const read = async ([name, parse]: readonly [string, (text: string) => HostCounters]) =>
    parse(await readFile(join(folder, name), 'utf8').catch(() => ''));
  return Object.assign({}, ...(await Promise.all(Object.entries(PROC_FILES).map(read)))) as HostCounters;
}
