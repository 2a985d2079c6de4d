import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Database } from '../../../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../../../kernel/identity/principal.js';
import { createLogger } from '../../../../../kernel/telemetry/logger.js';
import { encodeSparkplug } from '../../../../../subgraphs/devices/codecs/sparkplug/encode-sparkplug.js';
import { DATATYPES } from '../../../../../subgraphs/devices/codecs/sparkplug/sparkplug-payload.js';
import { createExternalMqtt } from '../../../../../subgraphs/devices/protocols/mqtt/external-mqtt.js';
import { createShareDuty } from '../../../../../subgraphs/devices/protocols/share-duty.js';
import { describeWith } from '../../../../support/describe-with.js';
import { openTestDatabase } from '../../../../support/embedded-database.js';
import { startMosquitto } from '../../../../support/mosquitto.js';
import { waitFor } from '../../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../../support/opened.js';
import { hearStates } from '../../support/host-states.js';
import { connectMqtt } from '../../support/mqtt.js';
import { newWorkspace } from '../../support/open-devices.js';
import { createTelemetryDeps } from '../../support/telemetry-deps.js';

describeWith({ programs: ['mosquitto'] }, 'edge nodes behind a broker that several processes hear', () => {
  const opened = createOpened();
  const openedByTest = createOpened();
  let database: Database;
  beforeAll(async () => {
    database = opened.keep(await openTestDatabase());
  }, OPEN_DEADLINE_MS);
  afterAll(opened.close);
  afterEach(openedByTest.close);

  /** One process on the broker; `taken` are the sources of what it has taken. */
  async function openProcess(url: string, workspace: WorkspaceId, clientId: string) {
    const taken: string[] = [];
    const metrics = new Map([['temperature', { unit: 'Cel', minimum: null, maximum: null }]]);
    const node = { id: 'dev_1', name: 'edge1', labels: {}, metrics };
    const protocol = createExternalMqtt({
      ...createTelemetryDeps(workspace, ({ source }) => {
        taken.push(source ?? '');
        return Promise.resolve({ accepted: 1, repeated: 0 });
      }),
      ...{ url, clientId, inFlight: 10, version: '5', tls: {}, silentMs: 60_000, hostId: 'aegis' },
      devices: { find: (_workspace, idOrName) => (idOrName === 'edge1' ? node : undefined) },
      shareDuty: createShareDuty({
        ...{ database, name: 'sparkplug', leaseMs: 3_000 },
        logger: createLogger({ level: 'silent', pretty: false }),
      }),
    });
    await protocol.start();
    openedByTest.keep(protocol);
    return { taken, close: () => protocol.close() };
  }

  it('are followed by one of them, and by the other when that is gone', async () => {
    const mosquitto = openedByTest.keep(await startMosquitto());
    const workspace = newWorkspace();
    const edge = openedByTest.keep(await hearStates(mosquitto.url, 'aegis'));
    const first = await openProcess(mosquitto.url, workspace, 'first');
    const sender = await connectMqtt(mosquitto.url);
    openedByTest.keep({ close: () => sender.endAsync(true) });
    const birth = encodeSparkplug({
      seq: 0,
      metrics: [{ name: 'temperature', datatype: DATATYPES.Double, value: { kind: 'NUMBER', value: 20 } }],
    });
    const bear = () =>
      sender.publishAsync(`spBv1.0/${workspace}/NBIRTH/edge1`, Buffer.from(birth), { qos: 1 });
    const tell = (name: string) =>
      sender.publishAsync(`aegis/${workspace}/${name}/telemetry`, '{}', { qos: 1 });
    const ofNodes = (taken: readonly string[]) => taken.filter((source) => source.startsWith('spBv1.0/'));
    const isTaken = async (taken: readonly string[]) => {
      await bear();
      return ofNodes(taken).length > 0;
    };
    await waitFor('the first follows', () => isTaken(first.taken), { deadlineMs: 20_000 });
    const second = await openProcess(mosquitto.url, workspace, 'second');
    const before = first.taken.length;
    await bear();
    await waitFor('the first takes it', () => first.taken.length > before);
    // Telemetry is shared: the second one does hear the broker.
    await waitFor('the second hears', async () => {
      await tell('any');
      return second.taken.length > 0;
    });
    expect(ofNodes(second.taken)).toEqual([]);
    // Nodes are told by the one that follows them, and by no other.
    expect(edge.states.map(({ online }) => online)).toEqual([true]);
    await first.close();
    await waitFor('the first says goodbye', () => edge.states.length === 2);
    await waitFor('the second takes over', () => isTaken(second.taken), { deadlineMs: 20_000 });
    await waitFor('it says so', () => edge.states.length > 2);
    expect(edge.states.map(({ online }) => online)).toEqual([true, false, true]);
    const times = edge.states.map(({ timestamp }) => timestamp);
    expect([...times].sort((a, b) => a - b)).toEqual(times);
  }, 60_000);
});
