import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startOneProcess, type AegisSystem } from '../support/aegis-system.js';
import { createGraphClient, type GraphClient } from '../support/graph-client.js';
import { connectDevice } from '../support/telemetry-load.js';
import { waitFor } from '../support/wait-for.js';
import { KILL_ROUNDS } from '../support/kill-rounds.js';

const TOPIC = 'aegis/default/lamp';
const SET_UP = `mutation {
  defineDeviceProfile(input: { name: "lamp", title: "Lamp", properties: [{ name: "power", unit: "W" }],
    actions: [{ name: "blink", input: { type: "integer" }, timeoutSeconds: 3600 }] }) { userErrors { message } }
  registerDevice(input: { name: "lamp", profile: "lamp" }) { device { id } }
}`;
const SEND = `mutation ($id: ID!, $times: JSON!, $key: String!) {
  sendCommand(input: { deviceId: $id, action: "blink", input: $times, idempotencyKey: $key }) { command { id } }
}`;
const OPEN = `query ($id: ID!) {
  device(id: $id) { commands(first: 100, states: [QUEUED, SENT, DELIVERED]) { edges { node { id } } } twin { reported } }
}`;

interface OpenAnswer {
  readonly device: {
    readonly commands: { readonly edges: readonly unknown[] };
    readonly twin: { readonly reported: Readonly<Record<string, unknown>> };
  };
}

/** A lamp that does each command once, whatever it is sent twice, and reports how often it has blinked. */
async function connectLamp(system: AegisSystem, done: Set<string>) {
  const client = await connectDevice(system);
  let acknowledged = 0;
  client.on('message', (_topic, payload) => {
    const { id } = JSON.parse(payload.toString()) as { id: string };
    done.add(id);
    client.publish(`${TOPIC}/commands/${id}/answer`, '{"state":"EXECUTED"}', { qos: 1 });
    const count = done.size;
    client.publish(`${TOPIC}/reported`, JSON.stringify({ count }), { qos: 1 }, (error) => {
      if (!error) acknowledged = Math.max(acknowledged, count);
    });
  });
  await client.subscribeAsync(`${TOPIC}/commands`, { qos: 1 });
  return { acknowledged: () => acknowledged, close: () => client.endAsync(true) };
}

/** Sends commands until the system is gone; the ids of those that it has taken. */
async function sendUntilGone(graph: GraphClient, id: string, key: string): Promise<string[]> {
  const taken: string[] = [];
  for (let times = 1; ; times += 1) {
    try {
      const variables = { id, times, key: `${key}-${times}` };
      const { sendCommand } = await graph.query<{ sendCommand: { command: { id: string } | null } }>(
        SEND,
        variables,
      );
      if (sendCommand.command) taken.push(sendCommand.command.id);
    } catch {
      return taken;
    }
  }
}

describe('kill -9 with commands on their way', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'aegis-kill-commands-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it(`loses no command that was taken and nothing that was reported, ${KILL_ROUNDS} times`, async () => {
    const done = new Set<string>();
    const taken: string[] = [];
    let reported = 0;
    let id = '';
    for (let round = 0; round < KILL_ROUNDS; round += 1) {
      const system = await startOneProcess({ folder });
      const graph = createGraphClient(system);
      if (round === 0) {
        id = (await graph.query<{ registerDevice: { device: { id: string } } }>(SET_UP)).registerDevice.device
          .id;
      }
      const lamp = await connectLamp(system, done);
      const sending = sendUntilGone(graph, id, `round-${round}`);
      // A random moment is what this test is about: no event marks it.
      await sleep(500 + Math.random() * 1_000);
      await system.processes[0]?.stop('SIGKILL');
      taken.push(...(await sending));
      reported = Math.max(reported, lamp.acknowledged());
      await lamp.close();
    }
    const system = await startOneProcess({ folder });
    const graph = createGraphClient(system);
    const { device } = await graph.query<OpenAnswer>(OPEN, { id });
    expect(device.twin.reported['count'] ?? 0).toBeGreaterThanOrEqual(reported);
    const lamp = await connectLamp(system, done);
    await waitFor('the lamp has done all of them', () => taken.every((command) => done.has(command)), {
      deadlineMs: 30_000,
    });
    expect(taken.length).toBeGreaterThan(0);
    process.stdout.write(`kill test: ${taken.length} commands taken, ${done.size} done\n`);
    await lamp.close();
    await system.close();
  }, 180_000);
});
