import { afterEach, describe, expect, it } from '@jest/globals';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { createInProcessLiveBus } from '../../../../kernel/events/in-process-live-bus.js';
import type { LiveBus } from '../../../../kernel/events/live-bus.js';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import type { DeviceSession } from '../../../../subgraphs/devices/sessions/session.js';
import { createSessions } from '../../../../subgraphs/devices/sessions/sessions.js';
import { createLiveReadRelay } from '../../../../subgraphs/devices/twin/live-read-relay.js';
import { createLiveReads } from '../../../../subgraphs/devices/twin/live-reads.js';
import { createOpened } from '../../support/opened.js';
import { newWorkspace } from '../support/open-devices.js';

const workspace = newWorkspace();
const logger = createLogger({ level: 'silent', pretty: false });
const opened = createOpened();
afterEach(opened.close);

/** A process that asks devices, its own and those of others on the bus. */
async function openProcess(bus: LiveBus) {
  const presence = { connected: () => undefined, gone: () => undefined, heard: () => undefined };
  const sessions = createSessions({ presence, logger });
  const relay = createLiveReadRelay({ bus, workspaces: [workspace], logger });
  const reads = createLiveReads({ sessions, relay });
  await reads.start();
  opened.keep({
    close() {
      reads.close();
      return Promise.resolve();
    },
  });
  return {
    connect(deviceId: string, read: DeviceSession['read']) {
      return sessions.open({
        ...{ workspace, deviceId, protocol: 'COAP', read },
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
