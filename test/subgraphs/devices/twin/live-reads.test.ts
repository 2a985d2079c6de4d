import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../../kernel/database/database.js';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { createInProcessLiveBus } from '../../../../kernel/events/in-process-live-bus.js';
import type { LiveBus } from '../../../../kernel/events/live-bus.js';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import { READINGS_TOPIC } from '../../../../subgraphs/devices/readings/reading-message.js';
import type { DeviceSession, ReadQuestion } from '../../../../subgraphs/devices/sessions/session.js';
import { createSessions } from '../../../../subgraphs/devices/sessions/sessions.js';
import { createDeviceAnswers } from '../../../../subgraphs/devices/twin/device-answers.js';
import { createLiveReadRelay } from '../../../../subgraphs/devices/twin/live-read-relay.js';
import { createLiveReads } from '../../../../subgraphs/devices/twin/live-reads.js';
import { openTestDatabase } from '../../../support/embedded-database.js';
import { waitFor } from '../../../support/wait-for.js';
import { createOpened, OPEN_DEADLINE_MS } from '../../support/opened.js';
import { connectMqtt } from '../support/mqtt.js';
import { newWorkspace, openDevices } from '../support/open-devices.js';

const workspace = newWorkspace();
const logger = createLogger({ level: 'silent', pretty: false });
const opened = createOpened();
const openedForAll = createOpened();
let database: Database;
beforeAll(async () => {
  database = openedForAll.keep(await openTestDatabase());
}, OPEN_DEADLINE_MS);
afterAll(openedForAll.close);
afterEach(opened.close);

/** A process that asks devices, its own and those of others on the bus. */
async function openProcess(bus: LiveBus) {
  const presence = { connected: () => undefined, gone: () => undefined, heard: () => undefined };
  const sessions = createSessions({ presence, logger });
  const relay = createLiveReadRelay({ bus, workspaces: [workspace], logger });
  const answers = createDeviceAnswers({ database, bus, workspaces: [workspace] });
  const reads = createLiveReads({ sessions, relay, answers });
  await reads.start();
  opened.keep({
    close() {
      reads.close();
      return Promise.resolve();
    },
  });
  return {
    connect(deviceId: string, read: DeviceSession['read'], more: Partial<DeviceSession> = {}) {
      return sessions.open({
        ...{ workspace, deviceId, protocol: 'COAP', read, ...more },
        send: () => Promise.resolve('DELIVERED'),
        end: () => undefined,
      });
    },
    ask: (deviceId: string, metrics = ['power'], timeoutMs = 2_000) =>
      reads.ask({ workspace, deviceId, metrics, timeoutMs }),
  };
}

describe('asking a device', () => {
  it('is done once for all who ask for the same at the same time', async () => {
    const one = await openProcess(createInProcessLiveBus());
    const asked: unknown[] = [];
    one.connect('dev', (metrics) => {
      asked.push(metrics);
      return Promise.resolve();
    });
    await Promise.all([one.ask('dev'), one.ask('dev'), one.ask('dev', ['level'])]);
    expect(asked).toEqual([['power'], ['level']]);
  });

  it('ends by its deadline, also when the protocol does not heed it', async () => {
    const one = await openProcess(createInProcessLiveBus());
    one.connect('dev', () => new Promise(() => undefined));
    await expect(one.ask('dev', ['power'], 100)).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
  });

  it('fails for each at its own deadline, and asks for as long as the last one waits', async () => {
    const one = await openProcess(createInProcessLiveBus());
    const signals: AbortSignal[] = [];
    one.connect('dev', (_metrics, signal) => {
      signals.push(signal);
      return new Promise(() => undefined);
    });
    const long = one.ask('dev', ['power'], 600);
    const isOver = long.then(
      () => true,
      () => true,
    );
    const short = one.ask('dev', ['power'], 100);
    await expect(short).rejects.toMatchObject({
      ...{ code: 'UPSTREAM_TIMEOUT', message: 'reading: the device did not answer within 100 ms.' },
    });
    expect(await Promise.race([isOver, Promise.resolve(false)])).toBe(false);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    await expect(long).rejects.toMatchObject({
      ...{ code: 'UPSTREAM_TIMEOUT', message: 'reading: the device did not answer within 600 ms.' },
    });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
    // What nobody waits for any more is nothing to share.
    await expect(one.ask('dev', ['power'], 100)).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    expect(signals).toHaveLength(2);
  });

  it('answers one who waits for longer than those who asked first', async () => {
    const one = await openProcess(createInProcessLiveBus());
    let asked = 0;
    let reply: () => void = () => undefined;
    one.connect('dev', () => {
      asked += 1;
      return new Promise((resolve) => {
        reply = resolve;
      });
    });
    const short = one.ask('dev', ['power'], 100);
    const long = one.ask('dev', ['power'], 5_000);
    await expect(short).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    reply();
    await long;
    expect(asked).toBe(1);
  });

  it('says what it is that failed', async () => {
    const one = await openProcess(createInProcessLiveBus());
    one.connect('dev', () => Promise.reject(new Error('no route')));
    await expect(one.ask('dev')).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
    one.connect('mute', undefined);
    await expect(one.ask('mute')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  it('reaches one that is connected to another process, with its answer and its refusal', async () => {
    const bus = createInProcessLiveBus();
    const one = await openProcess(bus);
    const other = await openProcess(bus);
    const asked: unknown[] = [];
    other.connect('dev', (metrics) => {
      asked.push(metrics);
      return Promise.resolve();
    });
    other.connect('broken', () =>
      Promise.reject(new AegisError('UPSTREAM_FAILED', 'reading: it has no sensor.')),
    );
    await one.ask('dev');
    expect(asked).toEqual([['power']]);
    await expect(one.ask('broken')).rejects.toMatchObject({
      ...{ code: 'UPSTREAM_FAILED', message: 'reading: it has no sensor.' },
    });
  });

  it('is refused when no process has it', async () => {
    const bus = createInProcessLiveBus();
    const one = await openProcess(bus);
    await openProcess(bus);
    await expect(one.ask('dev')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('asking a device by a message', () => {
  /** Announces a reading as one that was committed: when it arrived and was measured, in milliseconds from now. */
  const announce = (bus: LiveBus, deviceId: string, metric: string, aheadMs = 0) => {
    const at = Date.now() + aheadMs;
    const place = { sequence: '1', previousSequence: '0' };
    const reading = { deviceId, metric, value: 1, unit: 'W', quality: 'GOOD', ...place };
    return bus.publish({ workspace, name: READINGS_TOPIC }, [
      { ...reading, measuredAtMs: at, receivedAtMs: at },
    ]);
  };

  /** A device that is asked by a message, and what it was asked. */
  function createAsked() {
    const questions: { readonly question: ReadQuestion; readonly signal: AbortSignal }[] = [];
    const ask: DeviceSession['ask'] = (question, signal) => {
      questions.push({ question, signal });
      // It never acknowledges.
      return new Promise(() => undefined);
    };
    return { questions, ask, asked: () => waitFor('it is asked', () => questions[0]) };
  }

  it('is done once it has sent all that it was asked for, acknowledged or not, and takes the question back', async () => {
    const bus = createInProcessLiveBus();
    const one = await openProcess(bus);
    const { questions, ask, asked } = createAsked();
    one.connect('dev', undefined, { ask });
    let isDone = false;
    const answered = one.ask('dev', ['power', 'level']).then(() => (isDone = true));
    const { question, signal } = await asked();
    expect(question).toMatchObject({ kind: 'read', metrics: ['power', 'level'] });
    expect(question.expiresAt.getTime()).toBeGreaterThan(Date.now());
    await announce(bus, 'dev', 'power');
    await announce(bus, 'other', 'level');
    await new Promise(setImmediate);
    expect([isDone, signal.aborted]).toEqual([false, false]);
    await announce(bus, 'dev', 'level');
    await answered;
    expect(signal.aborted).toBe(true);
    expect(questions).toHaveLength(1);
  });

  it('asks again for one who waits for longer, once the time of the question is over', async () => {
    const bus = createInProcessLiveBus();
    const one = await openProcess(bus);
    const { questions, ask, asked } = createAsked();
    one.connect('dev', undefined, { ask });
    const short = one.ask('dev', ['power'], 200);
    await asked();
    const long = one.ask('dev', ['power'], 5_000);
    expect(questions).toHaveLength(1);
    await expect(short).rejects.toMatchObject({ message: expect.stringContaining('within 200 ms') });
    const again = await waitFor('it is asked again', () => questions[1]);
    expect(questions[0]?.signal.aborted).toBe(true);
    expect(again.question.expiresAt.getTime()).toBeGreaterThan(Date.now() + 3_000);
    await announce(bus, 'dev', 'power');
    await long;
    expect(questions).toHaveLength(2);
  });

  it('hears of an answer that comes to another process', async () => {
    const bus = createInProcessLiveBus();
    const [one, other] = [await openProcess(bus), await openProcess(bus)];
    const { ask, asked } = createAsked();
    other.connect('dev', undefined, { ask });
    const answered = one.ask('dev');
    await asked();
    await announce(bus, 'dev', 'power');
    await answered;
  });

  it('takes nothing for an answer that arrived before the question', async () => {
    const bus = createInProcessLiveBus();
    const one = await openProcess(bus);
    const { ask, asked } = createAsked();
    one.connect('dev', undefined, { ask });
    const answered = one.ask('dev', ['power'], 300);
    await asked();
    await announce(bus, 'dev', 'power', -1_000);
    await expect(answered).rejects.toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
  });

  it('fails at once when the question cannot be sent', async () => {
    const one = await openProcess(createInProcessLiveBus());
    one.connect('dev', undefined, {
      ask: () => Promise.reject(new AegisError('UNAVAILABLE', 'it is gone.')),
    });
    await expect(one.ask('dev', ['power'], 30_000)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('is refused for good where the device does not listen to questions', async () => {
    const one = await openProcess(createInProcessLiveBus());
    const { ask, questions } = createAsked();
    one.connect('dev', undefined, { ask, takes: (kind) => kind !== 'read' });
    await expect(one.ask('dev')).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(questions).toEqual([]);
  });
});

describe('a device over HTTP that is asked for two metrics', () => {
  const READ = `query ($id: ID!) { device(id: $id) {
    first: reading(metric: "temperature", source: LIVE, timeoutMs: 1500) { value }
    second: reading(metric: "humidity", source: LIVE, timeoutMs: 1500) { value } } }`;

  it('is asked once; what it kept for itself answers nothing, and what it answers is there beside what it does not', async () => {
    const devices = opened.keep(await openDevices({ database }));
    const id = await devices.register('sensor', ['temperature', 'humidity']);
    const now = Date.now();
    await devices.send('sensor', { ts: now, values: { temperature: 1, humidity: 1 } });
    const poll = async () => {
      const url = devices.ingestUrl.replace(/ingest$/, 'devices/sensor/commands?waitSeconds=5');
      return (await (await fetch(url)).json()) as {
        readonly reads: readonly { metrics: readonly string[] }[];
      };
    };
    const polled = poll();
    const answer = await waitFor('it is connected', async () => {
      const reading = devices.run(READ, { id });
      const first = await Promise.race([reading, polled]);
      return 'reads' in first ? { reading, reads: first.reads } : undefined;
    });
    expect(answer.reads).toEqual([expect.objectContaining({ metrics: ['humidity', 'temperature'] })]);
    await devices.send('sensor', { ts: now - 60_000, values: { temperature: 2, humidity: 2 } });
    await devices.send('sensor', { temperature: 3 });
    const { data, errors } = await answer.reading;
    expect(data).toMatchObject({ device: { first: { value: 3 }, second: null } });
    expect(errors?.map(({ path, extensions }) => [path, extensions['code']])).toEqual([
      [['device', 'second'], 'UPSTREAM_TIMEOUT'],
    ]);
  });
});

describe('a device over MQTT that is asked for values', () => {
  /** A device that answers each question with the next number, without a time. */
  async function openSensor() {
    const devices = opened.keep(await openDevices({ database }));
    const id = await devices.register('sensor', ['temperature', 'humidity']);
    const client = await connectMqtt(devices.mqttUrl);
    opened.keep({ close: () => client.endAsync(true) });
    const topic = `aegis/${devices.workspace}/sensor`;
    let value = 30;
    client.on('message', () => {
      client.publish(`${topic}/telemetry`, `{"temperature": ${(value += 1)}}`, { qos: 1 });
    });
    await client.subscribeAsync(`${topic}/reads`, { qos: 1 });
    return { devices, id };
  }

  it('is heard after a time stamp ahead, and what it answers is given', async () => {
    const { devices, id } = await openSensor();
    await devices.send('sensor', { ts: Date.now() + 120_000, values: { temperature: 5 } });
    const READ = `query ($id: ID!, $age: Int) { device(id: $id) {
      reading(metric: "temperature", source: LIVE, maxAgeMs: $age, timeoutMs: 3000) { value } } }`;
    const read = async (age: number | null) => (await devices.run(READ, { id, age })).data;
    expect(await read(null)).toEqual({ device: { reading: { value: 31 } } });
    expect(await read(null)).toEqual({ device: { reading: { value: 32 } } });
    expect(await read(60_000)).toEqual({ device: { reading: { value: 32 } } });
  });

  it('is waited for by each field of a query for as long as that says', async () => {
    const { devices, id } = await openSensor();
    const READ = `query ($id: ID!) { device(id: $id) {
      fast: reading(metric: "humidity", source: LIVE, timeoutMs: 150) { value }
      slow: reading(metric: "humidity", source: LIVE, timeoutMs: 700) { value }
      other: reading(metric: "temperature", source: LIVE, timeoutMs: 400) { value } } }`;
    const { data, errors } = await devices.run(READ, { id });
    expect(data).toEqual({ device: { fast: null, slow: null, other: { value: 31 } } });
    expect(errors?.map(({ path, message }) => [path?.[1], message])).toEqual([
      ['fast', 'reading: the device did not answer within 150 ms.'],
      ['slow', 'reading: the device did not answer within 700 ms.'],
    ]);
  });
});
