import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../kernel/database/database.js';
import { DEFAULT_WORKSPACE } from '../../kernel/identity/principal.js';
import { openTestDatabase } from '../support/embedded-database.js';
import { createRecordingListener } from '../support/live-listener.js';
import {
  askSubgraph,
  openLocalSystem,
  subscribeSubgraph,
  type LocalSystem,
} from '../support/local-system.js';
import { waitFor } from '../support/wait-for.js';

/* Devices publishes, consciousness reads: each has its own idea of the messages between them. Here the real ones meet.
 * What consciousness cannot read it passes over and complains of, as the last test of each kind shows, so that silence
 * and the right outcome together say that everything was read. */

const TOPIC = { workspace: DEFAULT_WORKSPACE, name: 'devices.readings' };

let database: Database;
let system: LocalSystem;

beforeAll(async () => {
  database = await openTestDatabase();
  system = await openLocalSystem({
    database,
    env: { AEGIS_SAMPLE_PERIOD_MS: '20', AEGIS_SAMPLE_STALE_PERIODS: '3000' },
  });
  await system.start();
}, 30_000);

afterAll(async () => {
  await system.close();
  await database.close();
});

beforeEach(() => {
  system.complaints.length = 0;
});

const toMetrics = (names: readonly string[]) => names.map((name) => ({ name, unit: '1' }));

interface Changed {
  readonly change: { readonly device: { readonly id: string } | null };
}

async function register(name: string, metrics: readonly string[]): Promise<string> {
  const { change } = await askSubgraph<Changed>(
    system,
    'devices',
    'mutation ($input: RegisterDeviceInput!) { change: registerDevice(input: $input) { device { id } } }',
    { input: { name, metrics: toMetrics(metrics) } },
  );
  return change.device?.id ?? '';
}

async function update(id: string, metrics: readonly string[]): Promise<void> {
  await askSubgraph(
    system,
    'devices',
    'mutation ($input: UpdateDeviceInput!) { updateDevice(input: $input) { device { id } } }',
    { input: { id, metrics: toMetrics(metrics) } },
  );
}

async function remove(id: string): Promise<void> {
  const mutation = 'mutation ($id: ID!) { removeDevice(input: { id: $id }) { deviceId } }';
  await askSubgraph(system, 'devices', mutation, { id });
}

interface Node {
  readonly device: { readonly id: string } | null;
  readonly metric: string | null;
}

/** The signals that the nodes have, in their order. */
async function signals(): Promise<readonly (readonly [string, string])[]> {
  const { nodes } = await askSubgraph<{ nodes: Node[] }>(
    system,
    'consciousness',
    '{ nodes { device { id } metric } }',
  );
  return nodes.flatMap(({ device, metric }) =>
    device && metric !== null ? [[device.id, metric] as const] : [],
  );
}

async function waitForSignals(what: string, expected: readonly (readonly [string, string])[]): Promise<void> {
  await waitFor(what, async () => JSON.stringify(await signals()) === JSON.stringify(expected));
}

describe('the facts of devices', () => {
  it('are understood by consciousness: a device registered, changed and removed', async () => {
    const id = await register('host', ['a', 'b']);
    await waitForSignals('the nodes have taken the metrics', [
      [id, 'a'],
      [id, 'b'],
    ]);
    await update(id, ['b', 'c']);
    await waitForSignals('one metric has gone and another has come', [
      [id, 'c'],
      [id, 'b'],
    ]);
    await remove(id);
    await waitForSignals('no node has a signal', []);

    const facts = await system.log.readAfter(DEFAULT_WORKSPACE, 0n, 100);
    expect(facts.map(({ type, subject }) => [type, subject])).toEqual([
      ['aegis.device.registered', id],
      ['aegis.device.updated', id],
      ['aegis.device.removed', id],
    ]);
    expect(system.complaints).toEqual([]);
  });

  it('would be complained of if they were not', async () => {
    const facts = { type: 'aegis.device.registered', source: '/devices', data: { id: 1 } };
    await database.inWorkspace(DEFAULT_WORKSPACE).transaction((one) => system.log.append(one, facts));
    await waitFor('there is a complaint', () => system.complaints.length > 0);
    expect(system.complaints[0]).toContain('a malformed fact was skipped');
  });
});

describe('the live readings of devices', () => {
  it('are understood by consciousness: their values are in the next sample', async () => {
    const listener = createRecordingListener();
    const stopListening = await system.bus.listen(TOPIC, listener);
    const id = await register('host', ['a', 'b']);
    await waitFor('the nodes have taken the metrics', async () => (await signals()).length === 2);
    const samples = await subscribeSubgraph<SampleEvent>(
      system,
      'consciousness',
      'subscription { consciousnessMetrics { sample { nodes { device { id } metric value } } } }',
    );
    await system.ingest(id, { a: 1.5, b: -2 });
    await listener.waitForMessages(2);
    const { value } = await samples.next();
    await samples.return?.();
    stopListening();

    expect(value?.consciousnessMetrics.sample.nodes).toEqual([
      { device: { id }, metric: 'a', value: 1.5 },
      { device: { id }, metric: 'b', value: -2 },
    ]);
    expect(system.complaints).toEqual([]);
  });

  it('would be complained of if they were not', async () => {
    await system.bus.publish(TOPIC, [{ deviceId: 'dev_1', metric: 'a' }]);
    expect(system.complaints.join()).toContain('messages that are no values were skipped');
  });
});

interface SampleEvent {
  readonly consciousnessMetrics: {
    readonly sample: {
      readonly nodes: readonly {
        readonly device: { readonly id: string };
        readonly metric: string;
        readonly value: number;
      }[];
    };
  };
}
