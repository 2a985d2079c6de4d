import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from '../../kernel/telemetry/metrics.js';
import type { MeasuredInterval, ProbeSource } from './probe-source.js';

/** What a process has counted, and when it was read. */
export interface ProcessReading {
  /** Milliseconds of a clock that never goes back. */
  readonly readAtMs: number;
  /** Microseconds of processor time since the process began. */
  readonly cpuUs: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** The 99th percentile of how late the event loop was since the reading before, in milliseconds. */
  readonly loopDelayMs: number;
  /** The Prometheus metrics of {@link COUNTED}, each summed over its labels; 0 for one that is not there. */
  readonly counted: Readonly<Record<Counted, number>>;
}

/** Where the numbers come from, by the names that `/metrics` gives them. */
const COUNTED = {
  operations: 'aegis_gateway_operations_total',
  operationSeconds: 'aegis_gateway_operation_seconds_sum',
  timedOperations: 'aegis_gateway_operation_seconds_count',
  deliveries: 'aegis_gateway_subscription_deliveries_total',
  sockets: 'aegis_gateway_sockets',
  clients: 'aegis_gateway_subscription_clients',
  readings: 'aegis_devices_readings_committed_total',
  queued: 'aegis_devices_readings_queued',
} as const;

type Counted = keyof typeof COUNTED;

/** One metric of the device. */
interface ProcessMetric {
  readonly name: string;
  /** UCUM code. */
  readonly unit: string;
  readonly description: string;
  readonly measure: (interval: MeasuredInterval<ProcessReading>) => number;
}

const METRICS: readonly ProcessMetric[] = [
  {
    name: 'requests',
    unit: '/s',
    description: 'GraphQL operations answered in a second',
    measure: rate('operations'),
  },
  {
    name: 'request-time',
    unit: 'ms',
    description: 'Mean time from an operation to its response; 0 when there was none',
    measure: (interval) => {
      const count = difference(interval, 'timedOperations');
      return count > 0 ? (1_000 * difference(interval, 'operationSeconds')) / count : 0;
    },
  },
  {
    name: 'sockets',
    unit: '1',
    description: 'Open WebSocket connections',
    measure: ({ after }) => after.counted.sockets,
  },
  {
    name: 'subscribers',
    unit: '1',
    description: 'Running subscriptions of clients',
    measure: ({ after }) => after.counted.clients,
  },
  {
    name: 'deliveries',
    unit: '/s',
    description: 'Events of subscriptions handed to clients in a second',
    measure: rate('deliveries'),
  },
  {
    name: 'readings',
    unit: '/s',
    description: 'Readings of devices stored in a second',
    measure: rate('readings'),
  },
  {
    name: 'queued-readings',
    unit: '1',
    description: 'Readings that await their commit',
    measure: ({ after }) => after.counted.queued,
  },
  {
    name: 'event-loop-lag',
    unit: 'ms',
    description: 'How late the event loop was, 99th percentile of the interval',
    measure: ({ after }) => after.loopDelayMs,
  },
  {
    name: 'cpu',
    unit: '%',
    description: 'Processor time in percent of one processor; above 100 when several threads work',
    measure: ({ before, after }) => {
      const elapsedMs = after.readAtMs - before.readAtMs;
      return elapsedMs > 0 ? (after.cpuUs - before.cpuUs) / (10 * elapsedMs) : 0;
    },
  },
  {
    name: 'memory-resident',
    unit: 'By',
    description: 'Memory that the process holds',
    measure: ({ after }) => after.residentBytes,
  },
  {
    name: 'memory-heap',
    unit: 'By',
    description: 'Memory that JavaScript objects take',
    measure: ({ after }) => after.heapBytes,
  },
];

/** How finely the event loop is watched, in milliseconds. */
const LOOP_RESOLUTION_MS = 10;

/** What this process costs, as the device `aegis`: the same numbers as at `/metrics`, with history, series and alarms. */
export function createProcessSource(metrics: Metrics): ProbeSource<ProcessReading> {
  const delays = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  delays.enable();
  return {
    device: {
      name: 'aegis',
      description: 'The process of Aegis itself: what it does and what it costs',
      metrics: METRICS.map(({ name, unit, description }) => ({
        ...{ name, unit, description },
        minimum: 0,
        maximum: null,
      })),
    },
    async read() {
      const { user, system } = process.cpuUsage();
      const { rss, heapUsed } = process.memoryUsage();
      // The histogram counts whole intervals, its own resolution included.
      const loopDelayMs =
        delays.count > 0 ? Math.max(0, delays.percentile(99) / 1e6 - LOOP_RESOLUTION_MS) : 0;
      delays.reset();
      return {
        readAtMs: performance.now(),
        cpuUs: user + system,
        residentBytes: rss,
        heapBytes: heapUsed,
        loopDelayMs,
        counted: await readCounted(metrics),
      };
    },
    measure: (interval) =>
      Object.fromEntries(
        METRICS.map(({ name, measure }) => [
          name,
          Math.round(Math.max(0, measure(interval)) * 1_000) / 1_000,
        ]),
      ),
  };
}

async function readCounted(metrics: Metrics): Promise<ProcessReading['counted']> {
  const entries = Object.entries(COUNTED).map(async ([key, sample]) => {
    const name = sample.replace(/_(sum|count)$/, '');
    const found = await metrics.getSingleMetric(name)?.get();
    const values = (found?.values ?? []) as readonly {
      readonly value: number;
      readonly metricName?: string;
    }[];
    const sum = values
      .filter(({ metricName = name }) => metricName === sample)
      .reduce((total, { value }) => total + value, 0);
    return [key, sum] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<Counted, number>;
}

function rate(counted: Counted): ProcessMetric['measure'] {
  return (interval) => {
    const seconds = (interval.after.readAtMs - interval.before.readAtMs) / 1_000;
    return seconds > 0 ? difference(interval, counted) / seconds : 0;
  };
}

function difference({ before, after }: MeasuredInterval<ProcessReading>, counted: Counted): number {
  return after.counted[counted] - before.counted[counted];
}
