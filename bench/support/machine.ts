import { cpus, loadavg, platform, release, totalmem } from 'node:os';

/** Where figures were measured, and how busy it was. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly system: string;
  readonly node: string;
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
  };
}

/** The load averages of the last 1, 5 and 15 minutes: what else ran, and what the benches themselves add. */
export function readLoad(): readonly number[] {
  return loadavg().map((load) => Number(load.toFixed(2)));
}
