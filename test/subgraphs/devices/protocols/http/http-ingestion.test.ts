import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../../kernel/database/database.js';
import type { Identify } from '../../../../../kernel/graphql/subgraph.js';
import { openTestDatabase } from '../../../../support/embedded-database.js';
import { waitFor } from '../../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../../support/opened.js';
import { newWorkspace, openDevices, type TestDevices } from '../../support/open-devices.js';

const opened = createOpened();
const openedByTest = createOpened();
let database: Database;
let devices: TestDevices;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(opened.close);
afterEach(openedByTest.close);

async function open(options: { identify?: Identify; env?: Record<string, string> } = {}): Promise<void> {
  devices = openedByTest.keep(await openDevices({ database, ...options }));
  await devices.register('sensor');
}

interface PostOptions {
  readonly device?: string;
  readonly headers?: Record<string, string>;
}

async function post(body: string | Buffer, { device = 'sensor', headers = {} }: PostOptions = {}) {
  const response = await fetch(`${devices.ingestUrl}/${device}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const answer = (await response.json()) as {
    readonly error?: { readonly code: string; readonly message: string };
  };
  return { status: response.status, headers: response.headers, answer };
}

const count = () => database.inWorkspace(devices.workspace).client.reading.count();

describe('telemetry over HTTP', () => {
  beforeEach(() => open());

  it('answers how many readings were accepted, once they are committed', async () => {
    const { status, answer } = await post('[{"temperature": 1}, {"temperature": 2}]');
    expect({ status, answer }).toEqual({ status: 200, answer: { accepted: 2, repeated: 0 } });
    expect(await count()).toBe(2);
  });

  it('tells apart what is new and what was there already with the same value', async () => {
    const at = (ms: number) => ({ ts: Date.UTC(2026, 0, 1) + ms, values: { temperature: ms } });
    await post(JSON.stringify(at(1)));
    expect((await post(JSON.stringify(at(1)))).answer).toEqual({ accepted: 0, repeated: 1 });
    expect((await post(JSON.stringify([at(1), at(2), at(3), at(3)]))).answer).toEqual({
      accepted: 2,
      repeated: 2,
    });
    expect(await count()).toBe(3);
  });

  it('refuses a message whole that has another value for an instant than what is stored', async () => {
    const at = (ms: number, temperature: number) => ({
      ts: Date.UTC(2026, 0, 1) + ms,
      values: { temperature },
    });
    await post(JSON.stringify(at(1, 20)));
    const { status, answer } = await post(JSON.stringify([at(2, 21), at(1, 20.5)]));
    expect([status, answer.error]).toMatchObject([409, { code: 'CONFLICT', retryable: false }]);
    expect(answer.error?.message).toContain(
      '"temperature" of 2026-01-01T00:00:00.001Z is 20 Cel already, got 20.5 Cel',
    );
    expect(await count()).toBe(1);
  });

  it('takes one value for an instant, and refuses the other, of two that come at the same moment', async () => {
    const values = Array.from({ length: 20 }, (_, temperature) => temperature);
    const answers = await Promise.all(
      values.map((temperature) =>
        post(JSON.stringify({ ts: Date.UTC(2026, 0, 1), values: { temperature } })),
      ),
    );
    const statuses = answers.map(({ status }) => status).sort((a, b) => a - b);
    expect(statuses).toEqual([200, ...values.slice(1).map(() => 409)]);
    expect(await count()).toBe(1);
  });

  it('tells of a refusal under the trace that the request carries', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const { answer } = await post('{', {
      headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    });
    expect(answer.error).toMatchObject({ code: 'BAD_USER_INPUT', traceId });
  });

  it.each<[string, string, number, string]>([
    ['what is no JSON', '{', 400, 'BAD_USER_INPUT'],
    ['an empty body', '', 400, 'BAD_USER_INPUT'],
    ['an undeclared metric', '{"pressure": 1}', 400, 'BAD_USER_INPUT'],
    ['NaN', '{"temperature": NaN}', 400, 'BAD_USER_INPUT'],
    ['10 MB', ' '.repeat(10_000_000), 413, 'PAYLOAD_TOO_LARGE'],
  ])('refuses %s', async (_what, body, status, code) => {
    const refusal = await post(body);
    expect(refusal.status).toBe(status);
    expect(refusal.answer).toEqual({
      error: {
        ...{ code, message: expect.any(String), retryable: false },
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      },
    });
    expect(await count()).toBe(0);
  });

  it.each(['nobody', 'a%00b', 'x'.repeat(90), '..%2f..', 'dev_00000000000000000000000000000000'])(
    'refuses the unknown device %s',
    async (device) => {
      const { status, answer } = await post('{"temperature": 1}', { device });
      expect([status, answer.error?.code]).toEqual([404, 'NOT_FOUND']);
    },
  );

  it.each([
    'text/plain',
    'text/plain; application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
  ])('refuses the content type %s, which a page of another origin may send unasked', async (type) => {
    const { status, answer } = await post('{"temperature": 1}', { headers: { 'content-type': type } });
    expect([status, answer.error?.code]).toEqual([400, 'BAD_USER_INPUT']);
    expect(await count()).toBe(0);
  });

  it('says no to a page of another origin that asks first', async () => {
    const response = await fetch(`${devices.ingestUrl}/sensor`, {
      method: 'OPTIONS',
      headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' },
    });
    expect(response.ok).toBe(false);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('who may send telemetry over HTTP', () => {
  it('asks for a key where one is needed, and takes only a good one', async () => {
    const workspace = newWorkspace();
    const principal = { subject: 'device', workspace, roles: [] };
    devices = openedByTest.keep(
      await openDevices({
        database,
        workspace,
        identify: ({ token }) => (token === 'good' ? principal : undefined),
      }),
    );
    await devices.register('sensor');
    const statusWith = async (headers: Record<string, string>) =>
      (await post('{"temperature": 1}', { headers })).status;
    expect(await statusWith({})).toBe(401);
    expect(await statusWith({ authorization: 'Bearer bad' })).toBe(401);
    expect(await statusWith({ authorization: 'Basic good' })).toBe(401);
    expect(await statusWith({ 'x-api-key': 'bad' })).toBe(401);
    expect(await statusWith({ 'x-api-key': '' })).toBe(401);
    expect(await statusWith({ authorization: 'Bearer good' })).toBe(200);
    expect(await statusWith({ 'x-api-key': 'good' })).toBe(200);
  });
});

describe('a full queue', () => {
  it('is answered 429 with the time to wait', async () => {
    await open({ env: { AEGIS_MAX_QUEUED_READINGS: '5000' } });
    const batch = (ts: number) =>
      JSON.stringify(Array.from({ length: 1_000 }, (_, i) => ({ ts: ts + i, values: { temperature: 1 } })));
    await post('{"temperature": 1}');
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const holding = database.inWorkspace(devices.workspace).transaction(async ({ client }) => {
      await client.$queryRaw`SELECT 1`;
      await held;
    });
    const from = Date.UTC(2026, 0, 1);
    const taken = Array.from({ length: 5 }, (_, index) => post(batch(from + 1_000 * index)));
    const queued = devices.metrics.getSingleMetric('aegis_devices_readings_queued');
    await waitFor('the queue is full', async () => (await queued?.get())?.values[0]?.value === 5_000);
    const { status, headers, answer } = await post('{"temperature": 2}');
    expect([status, headers.get('retry-after')]).toEqual([429, '1']);
    expect(answer.error).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
    release();
    await holding;
    expect((await Promise.all(taken)).map(({ status: one }) => one)).toEqual([200, 200, 200, 200, 200]);
    expect(await count()).toBe(5_001);
  });
});
