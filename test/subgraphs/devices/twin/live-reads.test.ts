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
