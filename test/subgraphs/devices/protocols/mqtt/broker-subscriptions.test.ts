import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Aedes } from 'aedes';
import { createTopicRoutes } from '../../../../../kernel/messaging/topic-routes.js';
import { createExternalMqtt } from '../../../../../subgraphs/devices/protocols/mqtt/external-mqtt.js';
import { waitFor } from '../../../../support/wait-for.js';
import { createOpened } from '../../../support/opened.js';
import { hearStates } from '../../support/host-states.js';
import { connectMqtt } from '../../support/mqtt.js';
import { newWorkspace } from '../../support/open-devices.js';
import { createTelemetryDeps } from '../../support/telemetry-deps.js';

const ROUNDS = { deadlineMs: 10_000 };

describe('what a broker refuses to deliver', () => {
  const opened = createOpened();
  const refused = new Set<string>();
  const workspace = newWorkspace();
  let url: string;

  beforeEach(async () => {
    refused.clear();
    const broker = new Aedes({
      authorizeSubscribe(client, subscription, done) {
        const isOurs = client.id === 'aegis-devices';
        done(null, isOurs && refused.has(subscription.topic) ? null : subscription);
      },
    });
    await broker.listen();
    const server = createServer(broker.handle);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    opened.keep({
      close: () =>
        new Promise((resolve) => {
          broker.close(() => server.close(resolve));
        }),
    });
    url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(opened.close);

  async function openProcess(topics = createTopicRoutes()) {
    const protocol = createExternalMqtt({
      ...createTelemetryDeps(workspace, () => Promise.resolve({ accepted: 1, repeated: 0 })),
      ...{ url, clientId: 'aegis-devices', inFlight: 10, version: '3.1.1', tls: {}, topics },
      ...{ silentMs: 60_000, hostId: 'aegis', startDeadlineMs: 500 },
    });
    opened.keep(protocol);
    await protocol.start();
    return protocol;
  }

  it('of edge nodes is told, has them know of no host, and is asked for again', async () => {
    const filter = `spBv1.0/${workspace}/#`;
    refused.add(filter);
    const edge = opened.keep(await hearStates(url, 'aegis'));
    const protocol = await openProcess();
    const reason = await waitFor('it says so', () => protocol.lacks?.());
    expect(reason).toContain(`refuses ${filter} (`);
    expect(protocol.health()).toEqual({ state: 'UP' });
    expect(edge.states).toEqual([]);
    refused.clear();
    await waitFor('they are told', () => edge.states.length > 0, ROUNDS);
    expect(edge.states).toEqual([expect.objectContaining({ online: true })]);
    expect(protocol.lacks?.()).toBeUndefined();
  });

  it('of what others ask for is told, and asked for again', async () => {
    const topics = createTopicRoutes();
    let heard = 0;
    topics.handle('things/+', () => {
      heard += 1;
      return Promise.resolve();
    });
    const filter = 'aegis/+/things/+';
    refused.add(filter);
    const protocol = await openProcess(topics);
    expect(await waitFor('it says so', () => protocol.lacks?.())).toContain(filter);
    refused.clear();
    await waitFor('it is granted', () => protocol.lacks?.() === undefined, ROUNDS);
    const sender = await connectMqtt(url);
    opened.keep({ close: () => sender.endAsync(true) });
    await sender.publishAsync(`aegis/${workspace}/things/one`, '1', { qos: 1 });
    await waitFor('it is heard', () => heard === 1);
  });

  it('of telemetry has it down, and is asked for again on the same connection', async () => {
    refused.add('aegis/+/+/telemetry');
    const protocol = await openProcess();
    expect(protocol.health()).toMatchObject({
      ...{ state: 'DOWN', reason: expect.stringContaining('refused the subscription') },
    });
    refused.clear();
    await waitFor('it is up', () => protocol.health().state === 'UP', ROUNDS);
  });
});
