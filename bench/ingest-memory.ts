import { setTimeout as sleep } from 'node:timers/promises';
import { startOneProcess, type AegisSystem } from '../test/support/aegis-system.js';
import { createGraphClient } from '../test/support/graph-client.js';
import type { TelemetryLoadTasks } from './processes/telemetry-load.js';
import type { BenchOptions, Row, Table } from './support/bench.js';
import { readResidentMib } from './support/process-usage.js';
import { forkTasks } from './support/tasks.js';

const REGISTERED = 10_000;
const CONNECTED = 1_000;
/** Each connected device sends one message of one value a second. */
const MESSAGES_PER_SECOND = 1_000;
const AT_ONCE = 20;
const METRICS = ['m0', 'm1', 'm2', 'm3'];
/** How often the memory is read under load: the same stretch each time. */
const STRETCHES = 4;

const REGISTER = `mutation ($input: RegisterDeviceInput!) {
  registerDevice(input: $input) { userErrors { message } }
}`;

const nameOf = (device: number) => `fleet-${device}`;

async function registerFleet(system: AegisSystem, count: number): Promise<void> {
  const graph = createGraphClient(system);
  const metrics = METRICS.map((name) => ({ name, unit: '1' }));
  for (let from = 0; from < count; from += AT_ONCE) {
    const names = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) => nameOf(from + index));
    await Promise.all(names.map((name) => graph.query(REGISTER, { input: { name, metrics } })));
  }
}

/** Memory of one process with a registered fleet, a part of which is connected and sends. */
export async function measureFleetMemory({ windowSeconds }: BenchOptions): Promise<Table> {
  // A short run shows that it runs, with a tenth of the fleet.
  const share = windowSeconds < 3 ? 0.1 : 1;
  const system = await startOneProcess({ env: { AEGIS_SAMPLE_PERIOD_MS: '1000' } });
  const load = forkTasks<TelemetryLoadTasks>('telemetry-load.ts');
  const rows: Row[] = [];
  const note = (subject: string) => {
    rows.push({ subject, figures: { 'resident MiB': readResidentMib(system.processes[0]?.pid ?? 0) } });
  };
  try {
    note('started');
    await registerFleet(system, REGISTERED * share);
    await sleep(windowSeconds * 1_000);
    note(`${REGISTERED * share} devices registered`);
    const topics = Array.from(
      { length: CONNECTED * share },
      (_, device) => `aegis/default/${nameOf(device)}/telemetry`,
    );
    const target = { port: Number(new URL(system.mqttUrl).port), topics, valuesPerMessage: 1, stamped: true };
    for (let stretch = 1; stretch <= STRETCHES; stretch += 1) {
      const windowMs = 3 * windowSeconds * 1_000;
      await load.call('pace', { ...target, windowMs, messagesPerSecond: MESSAGES_PER_SECOND * share });
      note(`${CONNECTED * share} of them connected and sending, after ${3 * stretch * windowSeconds} s`);
    }
  } finally {
    await load.stop();
    await system.close();
  }
  return {
    title: 'Memory of one process on the embedded database, with a fleet',
    rows,
    notes: ['Each connected device sends one reading a second; the connections are made anew for each row.'],
  };
}
