import { afterEach, describe, expect, it } from '@jest/globals';
import type { MqttClient } from 'mqtt';
import {
  createEmbeddedMqtt,
  type EmbeddedMqttDeps,
} from '../../../../../subgraphs/devices/protocols/mqtt/embedded-mqtt.js';
import { waitFor } from '../../../../support/wait-for.js';
import { createOpened } from '../../../support/opened.js';
import { connectMqtt, firstOf, gather, untilClosed } from '../../support/mqtt.js';
import { newWorkspace } from '../../support/open-devices.js';
import { createTelemetryDeps } from '../../support/telemetry-deps.js';

const opened = createOpened();
afterEach(opened.close);

const workspace = newWorkspace();
/** Source: MQTT 3.1.1, §3.2.2.3. */
const SERVER_UNAVAILABLE = 3;

/** Opens a broker to which every code but `nonsense` is good; gives how to come to be provisioned. */
async function openBroker(
  options: Partial<EmbeddedMqttDeps>,
): Promise<(code: string) => Promise<MqttClient>> {
  const deps = createTelemetryDeps(workspace, () => Promise.reject(new Error('there is no telemetry here')));
  const broker = createEmbeddedMqtt({
    ...deps,
    ...{ host: '127.0.0.1', port: 0, maxConnections: 100, hostId: 'aegis' },
    uplink: {
      ...deps.uplink,
      mayClaim: (code) => Promise.resolve(code !== 'nonsense'),
      claim: (code, { name = 'new' }) =>
        Promise.resolve({ workspace, deviceId: 'dev_1', name, token: `token for ${code}` }),
    },
    ...options,
  });
  await broker.start();
  opened.keep(broker);
  return async (code) => {
    const client = await connectMqtt(broker.url() ?? '', { username: 'claim', password: code, keepalive: 0 });
    opened.keep({ close: () => client.endAsync(true) });
    return client;
  };
}

describe('clients of the embedded broker that come to be provisioned', () => {
  it('lose their connection when they do not claim in time', async () => {
    const connect = await openBroker({ claimMs: 50 });
    const client = await connect('good');
    await untilClosed(client);
    expect(client.connected).toBe(false);
  });

  it('are as many at once as may be, and make room when they leave', async () => {
    const connect = await openBroker({ maxClaimants: 2 });
    const [first] = [await connect('one'), await connect('two')];
    await expect(connect('three')).rejects.toMatchObject({ code: SERVER_UNAVAILABLE });
    await expect(connect('nonsense')).rejects.toThrow();
    await first.endAsync();
    const third = await waitFor('there is room', () => connect('three').catch(() => undefined));
    const received = await gather(third, 'aegis/claim/answer');
    await third.publishAsync('aegis/claim', '{"name": "third"}', { qos: 1 });
    expect((await firstOf(received)).payload).toMatchObject({ name: 'third', token: 'token for three' });
  });

  it('take a quarter of the connections at most', async () => {
    const connect = await openBroker({ maxConnections: 8 });
    await connect('one');
    await connect('two');
    await expect(connect('three')).rejects.toMatchObject({ code: SERVER_UNAVAILABLE });
  });
});
