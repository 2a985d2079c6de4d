/**
 * What a machine tells about itself at one instant. Counters run from some beginning of their own, so that only the
 * difference of two of them means something. What the machine does not tell is left out.
 */
export interface HostCounters {
  /** Processor time in programs, in the unit of `cpuTotal`. */
  readonly cpuUser?: number;
  /** Processor time in the kernel, interrupts included, in the unit of `cpuTotal`. */
  readonly cpuSystem?: number;
  /** Processor time altogether, idle or not, over all processors. Its unit differs from source to source. */
  readonly cpuTotal?: number;
  /** Level: memory that programs cannot have any more, in percent of all. */
  readonly memoryUsedPercent?: number;
  /** Level: data in memory that waits to be written to disk, in bytes. */
  readonly memoryDirtyBytes?: number;
  readonly pageFaults?: number;
  readonly diskWrittenBytes?: number;
  /** Reads and writes that disks have completed. */
  readonly diskOperations?: number;
  readonly networkReceivedBytes?: number;
  /** Packets received and sent. */
  readonly networkPackets?: number;
  readonly contextSwitches?: number;
  readonly interrupts?: number;
  readonly softInterrupts?: number;
}

export type HostCounter = keyof HostCounters;

/**
 * Keeps the values that were told. Sandboxes answer 0 for what they do not count, and a machine that has run for a
 * moment has no counter at 0, so that 0 counts as not told.
 */
export function onlyTold(values: Readonly<Partial<Record<HostCounter, number | undefined>>>): HostCounters {
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== undefined && Number.isFinite(value) && value > 0),
  );
}
