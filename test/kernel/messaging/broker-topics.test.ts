import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { connectAsync, type MqttClient } from 'mqtt';
import { pino } from 'pino';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { parseWorkspaceId } from '../../../kernel/identity/principal.js';
import { createBrokerTopics, type BrokerTopics } from '../../../kernel/messaging/broker-topics.js';
import type { TopicHandler } from '../../../kernel/messaging/topic-routes.js';
import { describeWith } from '../../support/describe-with.js';
import { startMosquitto, type Mosquitto } from '../../support/mosquitto.js';
import { waitFor } from '../../support/wait-for.js';

const [garden] = ['garden'].flatMap((name) => parseWorkspaceId(name) ?? []);
if (!garden) throw new Error('expected a good name');
const workspaces = [garden];
const TOPIC = 'aegis/garden/gates/north/opened';

describeWith({ programs: ['mosquitto'] }, 'topics that are followed at a broker', () => {
  let mosquitto: Mosquitto;
  let sender: MqttClient;
  const open: BrokerTopics[] = [];

  beforeEach(async () => {
    mosquitto = await startMosquitto();
    sender = await connectAsync(mosquitto.url, { protocolVersion: 5, reconnectPeriod: 0 });
  });

  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
    await sender.endAsync(true);
    await mosquitto.close();
  });

  const send = (payload: string, topic = TOPIC) => sender.publishAsync(topic, payload, { qos: 1 });

  interface FollowOptions {
    readonly clientId?: string;
    readonly version?: '5' | '3.1.1';
    readonly url?: string;
  }

  async function follow(handler: TopicHandler, options: FollowOptions = {}): Promise<BrokerTopics> {
    const { clientId = 'first', version = '5', url = mosquitto.url } = options;
    const followed = createBrokerTopics({
      ...{ url, clientId, version, group: 'tests', tls: {}, workspaces },
      ...{ inFlight: 4, maxPayloadBytes: 1_024, startDeadlineMs: 2_000 },
      logger: pino({ level: 'silent' }),
    });
    followed.topics.handle('gates/+/opened', handler);
    open.push(followed);
    await followed.start();
    return followed;
  }

  /** Keeps the texts that came. */
  function keep(): { readonly seen: string[]; readonly handler: TopicHandler } {
    const seen: string[] = [];
    const handler: TopicHandler = ({ workspace, places, payload }) => {
      seen.push(`${workspace} ${places.join()} ${Buffer.from(payload).toString()}`);
      return Promise.resolve();
    };
    return { seen, handler };
  }

  it.each(['5', '3.1.1'] as const)('reach who asked for them, over MQTT %s', async (version) => {
    const { seen, handler } = keep();
    const followed = await follow(handler, { version });
    expect(followed.health()).toEqual({ state: 'UP' });
    await send('1');
    await send('2', 'aegis/elsewhere/gates/north/opened');
    await send('3', 'aegis/garden/gates/south/opened');
    await waitFor('both are there', () => seen.length === 2);
    expect(seen).toEqual(['garden north 1', 'garden south 3']);
  });

  it('are kept by the broker while nobody is there, and delivered then', async () => {
    const { seen, handler } = keep();
    await (await follow(handler)).close();
    await send('while away');
    await follow(handler);
    await waitFor('it is there', () => seen.length === 1);
    expect(seen).toEqual(['garden north while away']);
  });

  it('are shared by the processes of one group: each goes to one of them', async () => {
    const [first, second] = [keep(), keep()];
    await follow(first.handler, { clientId: 'first' });
    await follow(second.handler, { clientId: 'second' });
    await Promise.all(Array.from({ length: 20 }, (_, number) => send(String(number))));
    await waitFor('all are there', () => first.seen.length + second.seen.length >= 20);
    // Whatever came twice would have come before this one.
    await send('last');
    await waitFor('the last one', () => [...first.seen, ...second.seen].includes('garden north last'));
    expect(new Set([...first.seen, ...second.seen]).size).toBe(21);
    expect(first.seen.length + second.seen.length).toBe(21);
  });

  it('come again when they could not be committed, and are not acknowledged before they are', async () => {
    let attempts = 0;
    const committed: string[] = [];
    await follow(({ payload }) => {
      attempts += 1;
      if (attempts === 1) return Promise.reject(new AegisError('UNAVAILABLE', 'not now.'));
      committed.push(Buffer.from(payload).toString());
      return Promise.resolve();
    });
    await send('stubborn');
    await waitFor('it is committed', () => committed.length === 1);
    expect([attempts, committed]).toEqual([2, ['stubborn']]);
  });

  it('are not acknowledged while their handler works: who follows next gets them', async () => {
    let began = false;
    const first = await follow(() => {
      began = true;
      return new Promise(() => undefined);
    });
    await send('unfinished');
    await waitFor('it is handled', () => began);
    await first.close();
    const { seen, handler } = keep();
    await follow(handler);
    await waitFor('it comes again', () => seen.length === 1);
    expect(seen).toEqual(['garden north unfinished']);
  });

  it('that are refused for good are answered, and do not come again', async () => {
    const answers: unknown[] = [];
    sender.on('message', (_topic, payload) => answers.push(JSON.parse(payload.toString())));
    await sender.subscribeAsync(`${TOPIC}/rejected`, { qos: 1 });
    let attempts = 0;
    await follow(() => {
      attempts += 1;
      return Promise.reject(new AegisError('BAD_USER_INPUT', 'expected a gate.'));
    });
    await send('nonsense');
    await waitFor('it is answered', () => answers.length === 1);
    expect(answers).toEqual([{ code: 'BAD_USER_INPUT', message: 'expected a gate.', payload: 'nonsense' }]);
    await send('more');
    await waitFor('the next one is answered', () => answers.length === 2);
    expect(attempts).toBe(2);
  });

  it('of a broker that is not there are waited for, and its absence is told', async () => {
    const { handler } = keep();
    await mosquitto.close();
    const followed = await follow(handler);
    expect(followed.health()).toMatchObject({ state: 'DOWN' });
  });
});
