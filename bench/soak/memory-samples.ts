import { readResidentMib } from '../support/process-usage.js';
import { pause } from './subgraph-keeper.js';
import type { WatchedGateway } from './watched-gateway.js';

/** What the gateway held at one time, in MiB; undefined where it could not be told. */
export interface MemorySample {
  /** Hours since the first one. */
  readonly hours: number;
  readonly resident: number | undefined;
  /** Of the main thread: what is used of V8's heap, and what objects of it hold beside it. */
  readonly heap: number | undefined;
  readonly external: number | undefined;
}

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;
const METRICS_DEADLINE_MS = 5_000;

/** Adds a sample every now and then, until the signal. */
export async function sampleMemory(
  { origin, pid, ended }: WatchedGateway,
  samples: MemorySample[],
  { everyMs, signal }: { readonly everyMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const beganAt = performance.now();
  while (!signal.aborted && ended() === undefined) {
    const metrics = await readMetrics(origin);
    samples.push({
      hours: (performance.now() - beganAt) / HOUR_MS,
      resident: readResidentMib(pid),
      heap: readFigure(metrics, 'nodejs_heap_size_used_bytes'),
      external: readFigure(metrics, 'nodejs_external_memory_bytes'),
    });
    await pause(everyMs, signal);
  }
}

async function readMetrics(origin: string): Promise<string> {
  try {
    const signal = AbortSignal.timeout(METRICS_DEADLINE_MS);
    return await (await fetch(`${origin}/metrics`, { signal })).text();
  } catch {
    return '';
  }
}

function readFigure(metrics: string, name: string): number | undefined {
  const value = new RegExp(`^${name} (?<value>[\\d.e+]+)$`, 'm').exec(metrics)?.groups?.['value'];
  return value === undefined ? undefined : Number(value) / MIB;
}
