import { afterEach, describe, expect, it } from '@jest/globals';
import { createEdgeIdentify, parseDeviceKeys } from '../../../cli/edge/device-keys.js';
import { openHttpDoor } from '../../../cli/edge/http-door.js';
import { createIdentify, parseApiKeys } from '../../../kernel/identity/api-keys.js';
import { createLogger } from '../../../kernel/telemetry/logger.js';
import { createMetrics } from '../../../kernel/telemetry/metrics.js';
import { createEdgeBroker } from '../../../subgraphs/devices/edge.js';
import { connectMqtt, firstOf, gather } from '../../subgraphs/devices/support/mqtt.js';

const logger = createLogger({ level: 'silent', pretty: false });
const EVERY = 'a'.repeat(24);
const BOILER = 'b'.repeat(24);
const deviceKeys = parseDeviceKeys(`boiler=${BOILER}, pump=garden:${'c'.repeat(24)}`);
const apiKeys = [...parseApiKeys(EVERY), ...deviceKeys.map(({ key }) => key)];
const identify = createEdgeIdentify(createIdentify(apiKeys), deviceKeys);

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

describe('the keys of an edge', () => {
  it('speak for one device when they are bound to it, and for all otherwise', () => {
    expect(identify({ token: BOILER })).toEqual({ workspace: 'default', device: 'boiler' });
    expect(identify({ token: 'c'.repeat(24) })).toEqual({ workspace: 'garden', device: 'pump' });
    expect(identify({ token: EVERY })).toEqual({ workspace: 'default', device: undefined });
    expect(identify({ token: 'd'.repeat(24) })).toBeUndefined();
    expect(identify({ token: undefined })).toBeUndefined();
  });

  it.each([
    ['b'.repeat(24)],
    [`=${BOILER}`],
    ['boiler=short'],
    ['boiler='],
    [`a/b=${BOILER}`],
    [`a=${BOILER},b=${BOILER}`],
  ])('are refused as %j, and not shown', (text) => {
    expect(() => parseDeviceKeys(text)).toThrow(/^key /);
    expect(() => parseDeviceKeys(text)).not.toThrow(BOILER);
  });

  it('let a device send over HTTP for itself alone', async () => {
    const kept: string[] = [];
    const door = await openHttpDoor({
      ...{ host: '127.0.0.1', port: 0, maxPayloadBytes: 1_000, logger, identify },
      metrics: createMetrics(),
      status: () => ({}),
      keep: ({ device }) => {
        kept.push(device);
        return Promise.resolve();
      },
    });
    closing.push(() => door.close());
    const post = async (device: string, key: string) => {
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
      return (await fetch(`${door.url}/ingest/${device}`, { method: 'POST', headers, body: '{}' })).status;
    };
    expect(await post('boiler', BOILER)).toBe(202);
    expect(await post('pump', BOILER)).toBe(403);
    expect(await post('pump', EVERY)).toBe(202);
    expect(kept).toEqual(['boiler', 'pump']);
  });

  it('let a device publish over MQTT for itself alone, and hear of itself alone', async () => {
    const kept: string[] = [];
    const broker = createEdgeBroker({
      ...{ host: '127.0.0.1', port: 0, maxConnections: 10, maxPayloadBytes: 1_000, logger, identify },
      keep: ({ device }) => {
        kept.push(device);
        return Promise.resolve();
      },
    });
    await broker.start();
    closing.push(() => broker.close());
    const client = await connectMqtt(broker.url() ?? '', { username: 'boiler', password: BOILER });
    closing.unshift(() => client.endAsync(true));
    const [own] = await client.subscribeAsync('aegis/default/boiler/telemetry/rejected', { qos: 1 });
    expect(own?.qos).toBe(1);
    await expect(client.subscribeAsync('aegis/default/#', { qos: 1 })).rejects.toThrow();
    await client.publishAsync('aegis/default/pump/telemetry', '{"t":1}', { qos: 1 });
    await client.publishAsync('aegis/default/boiler/telemetry', '{"t":1}', { qos: 1 });
    expect(kept).toEqual(['boiler']);
    const every = await connectMqtt(broker.url() ?? '', { username: 'any', password: EVERY });
    closing.unshift(() => every.endAsync(true));
    const heard = await gather(every, 'aegis/default/#');
    await client.publishAsync('aegis/default/pump/telemetry', '{"t":1}', { qos: 1 });
    expect(await firstOf(heard)).toMatchObject({
      topic: 'aegis/default/pump/telemetry/rejected',
      payload: { code: 'FORBIDDEN' },
    });
  });
});
