import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { encode } from 'cborg';
import type { Database } from '../../../../../kernel/database/database.js';
import { openTestDatabase } from '../../../../support/embedded-database.js';
import { waitFor } from '../../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../../support/opened.js';
import { holdDatabase } from '../../support/hold-database.js';
import { createCredential } from '../../support/identity.js';
import { openDevices, type TestDevices } from '../../support/open-devices.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;
let deviceId: string;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
beforeEach(async () => {
  devices = openedByTest.keep(await openDevices({ database }));
  deviceId = await devices.register('sensor');
});
afterEach(openedByTest.close);

const FIRST_AT_MS = Date.UTC(2026, 9, 1);
const reading = (value: number) => ({ ts: FIRST_AT_MS + value, values: { temperature: value } });
const count = () => database.inWorkspace(devices.workspace).client.reading.count();

async function post(path: string, body: string | Uint8Array, type = 'application/json', token?: string) {
  const response = await fetch(devices.ingestUrl.replace(/\/ingest$/, path), {
    method: 'POST',
    headers: { 'content-type': type, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    body,
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    answer: text === '' ? undefined : (JSON.parse(text) as unknown),
  };
}

/** Opens a stream of lines, whose answers come while it is open. */
async function openStream(
  path: string,
  token?: string,
): Promise<{ sending: ClientRequest; answers: unknown[]; ended: Promise<unknown> }> {
  const sending = request(devices.ingestUrl.replace(/\/ingest$/, path), {
    method: 'POST',
    headers: {
      'content-type': 'application/x-ndjson',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  });
  sending.flushHeaders();
  const [response] = (await once(sending, 'response')) as [IncomingMessage];
  const answers: unknown[] = [];
  createInterface({ input: response }).on('line', (line) => answers.push(JSON.parse(line)));
  return { sending, answers, ended: once(response, 'end') };
}

describe('a stream of lines over HTTP', () => {
  it('answers each line in its order, while the next ones may come', async () => {
    const { sending, answers, ended } = await openStream('/ingest/sensor');
    sending.write(`${JSON.stringify(reading(1))}\n\n{"temperature": "hot"}\n`);
    await waitFor('two are answered', () => answers.length === 2);
    expect(answers).toEqual([
      { line: 1, accepted: 1, repeated: 0 },
      { line: 2, error: expect.objectContaining({ code: 'BAD_USER_INPUT', retryable: false }) },
    ]);
    sending.end(JSON.stringify(reading(1)));
    await ended;
    expect(answers[2]).toEqual({ line: 3, accepted: 0, repeated: 1 });
    expect(await count()).toBe(1);
  });

  it('names the device in each line where the path names none', async () => {
    await devices.register('other');
    const lines = ['sensor', 'other', 'nobody'].map((device) =>
      JSON.stringify({ device, telemetry: reading(1) }),
    );
    const { sending, answers, ended } = await openStream('/ingest');
    sending.end(`${lines.join('\r\n')}\r\n[]\n`);
    await ended;
    expect(answers).toMatchObject([
      ...[{ accepted: 1 }, { accepted: 1 }, { error: { code: 'NOT_FOUND' } }],
      { error: { code: 'BAD_USER_INPUT' } },
    ]);
  });

  it('reads no further while as many lines as may await their commit, and loses none', async () => {
    await devices.send('sensor', reading(0));
    const release = await holdDatabase(database, devices.workspace);
    const { sending, answers, ended } = await openStream('/ingest/sensor');
    const lines = Array.from(
      { length: 5_000 },
      (_, index) => `${JSON.stringify({ ...reading(index + 1), values: { temperature: 1 } })}\n`,
    );
    for (const line of lines) sending.write(line);
    sending.end();
    const queued = devices.metrics.getSingleMetric('aegis_devices_readings_queued');
    await waitFor(
      'lines await their commit',
      async () => ((await queued?.get())?.values[0]?.value ?? 0) >= 500,
    );
    expect((await queued?.get())?.values[0]?.value).toBeLessThan(1_500);
    expect(answers).toEqual([]);
    await release();
    await ended;
    expect(answers).toHaveLength(5_000);
    expect(await count()).toBe(5_001);
  }, 30_000);

  it('ends with its credential, and takes nothing that comes later', async () => {
    const { token = '', credential } = await createCredential(devices, { deviceId, kind: 'TOKEN' });
    const { sending, answers, ended } = await openStream('/ingest/sensor', token);
    sending.on('error', () => undefined);
    sending.write(`${JSON.stringify(reading(1))}\n`);
    await waitFor('one is answered', () => answers.length === 1);
    await devices.ask(
      'mutation ($id: ID!) { revokeDeviceCredential(input: { id: $id }) { userErrors { code } } }',
      {
        id: credential?.id,
      },
    );
    sending.write(`${JSON.stringify(reading(2))}\n`);
    await ended;
    expect(answers).toEqual([
      { line: 1, accepted: 1, repeated: 0 },
      { line: 2, error: expect.objectContaining({ code: 'UNAUTHENTICATED' }) },
    ]);
    expect(await count()).toBe(1);
  });

  it('ends after a line that is too long', async () => {
    const { sending, answers, ended } = await openStream('/ingest/sensor');
    sending.on('error', () => undefined);
    sending.write(`${JSON.stringify(reading(1))}\n${' '.repeat(1_100_000)}`);
    await ended;
    expect(answers).toMatchObject([{ accepted: 1 }, { error: { code: 'PAYLOAD_TOO_LARGE' } }]);
  });
});

describe('several messages in one request', () => {
  it('tells of each what came of it', async () => {
    const items = [
      { device: 'sensor', telemetry: reading(1) },
      { device: 'nobody', telemetry: reading(1) },
      { telemetry: reading(2) },
    ];
    const { status, answer } = await post('/ingest', JSON.stringify(items));
    expect(status).toBe(207);
    expect(answer).toMatchObject({
      results: [
        { accepted: 1, repeated: 0 },
        { error: { code: 'NOT_FOUND' } },
        { error: { code: 'BAD_USER_INPUT' } },
      ],
    });
    expect(await post('/ingest', JSON.stringify(items.slice(0, 1)))).toMatchObject({
      ...{ status: 200, answer: { results: [{ accepted: 0, repeated: 1 }] } },
    });
  });

  it.each(['{}', '[]', '1'])('refuses %s', async (body) => {
    expect(await post('/ingest', body)).toMatchObject({ status: 400 });
  });
});

describe('other formats over HTTP', () => {
  it.each<[string, Uint8Array | string]>([
    ['application/cbor', encode({ temperature: 21.5 })],
    ['application/senml+json', '[{"n": "temperature", "u": "Cel", "v": 21.5}]'],
    [
      'application/senml+cbor',
      encode([
        new Map<number, unknown>([
          [0, 'temperature'],
          [1, 'Cel'],
          [2, 21.5],
        ]),
      ]),
    ],
  ])('takes %s', async (type, body) => {
    expect(await post('/ingest/sensor', body, type)).toMatchObject({ status: 200, answer: { accepted: 1 } });
    const { client } = database.inWorkspace(devices.workspace);
    expect((await client.reading.findFirst())?.value).toBe(21.5);
  });
});

describe('the media type over HTTP', () => {
  it.each(['application/cbor', 'application/senml+json', 'application/senml+cbor'])(
    'tells the format: JSON of ours is refused as %s',
    async (type) => {
      expect(await post('/ingest/sensor', '{"temperature": 21.5}', type)).toMatchObject({
        ...{ status: 400, answer: { error: { code: 'BAD_USER_INPUT' } } },
      });
    },
  );

  it('may have parameters and capitals, or say nothing', async () => {
    for (const [index, type] of ['Application/CBOR', 'application/cbor; charset=binary'].entries())
      expect(await post('/ingest/sensor', encode({ temperature: index }), type)).toMatchObject({
        ...{ status: 200, answer: { accepted: 1 } },
      });
    expect(await post('/ingest/sensor', '{"temperature": 3}', 'application/octet-stream')).toMatchObject({
      ...{ status: 200, answer: { accepted: 1 } },
    });
  });

  it('of a stream and a batch is JSON, and no form is taken for one', async () => {
    const batch = JSON.stringify([{ device: 'sensor', telemetry: reading(1) }]);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
      expect((await post('/ingest', batch, type)).status).toBe(400);
    expect(await post('/ingest', encode([1]), 'application/cbor')).toMatchObject({ status: 400 });
    expect(await count()).toBe(0);
    expect((await post('/ingest', batch)).status).toBe(200);
    expect(await count()).toBe(1);
  });
});

describe('what a device tells of itself over HTTP', () => {
  it('takes what it reports, for that device alone', async () => {
    await devices.register('other');
    const { token = '' } = await createCredential(devices, { deviceId, kind: 'TOKEN' });
    const report = (device: string) =>
      post(`/devices/${device}/reported`, '{"firmware": "1.2.3"}', 'application/merge-patch+json', token);
    expect((await report('sensor')).status).toBe(204);
    expect((await report('other')).status).toBe(403);
    const { device } = await devices.ask('query ($id: ID!) { device(id: $id) { twin { reported } } }', {
      id: deviceId,
    });
    expect(device?.twin?.reported).toEqual({ firmware: '1.2.3' });
  });

  it('refuses a form that a page could send', async () => {
    expect((await post('/devices/sensor/reported', '{"a": 1}', 'text/plain')).status).toBe(400);
  });

  it('ends a poll for commands with nothing when its time is over', async () => {
    const url = devices.ingestUrl.replace(/ingest$/, 'devices/sensor/commands?waitSeconds=0');
    expect(await (await fetch(url)).json()).toEqual({ commands: [], desired: null, reads: [] });
    expect((await fetch(url.replace('=0', '=900'))).status).toBe(400);
    const negative = await fetch(url.replace('=0', '=-1'));
    expect(await negative.text()).toContain('expected a whole number from 0 to 50, got \\"-1\\".');
    expect((await fetch(url.replace('sensor', 'nobody'))).status).toBe(404);
  });
});
