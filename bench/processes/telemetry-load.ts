/* Publishes telemetry over MQTT with QoS 1 from several connections, and tells how fast it was acknowledged. */
import { setTimeout as sleep } from 'node:timers/promises';
import { connectMqttPublisher, type MqttPublisher } from '../support/mqtt-publisher.js';
import { percentilesOf, type Percentiles } from '../support/percentiles.js';
import { serveTasks } from '../support/tasks.js';

export interface LoadTarget {
  readonly port: number;
  /** One connection for each of these. */
  readonly topics: readonly string[];
  /** Values of the metrics m0, m1, … in each message. */
  readonly valuesPerMessage: number;
  /** Whether messages bear the time at which they are published, each a later one; that of their arrival otherwise. */
  readonly stamped?: boolean;
}

export interface SaturateOptions extends LoadTarget {
  /** Messages in flight on each connection. */
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
}

export interface PaceOptions extends LoadTarget {
  readonly messagesPerSecond: number;
  readonly windowMs: number;
}

/** What came of a load, once everything was acknowledged. */
export interface LoadOutcome extends Percentiles {
  /** Messages acknowledged from beginning to end, the warm-up included. */
  readonly acknowledged: number;
  /** Messages acknowledged a second, within the window. */
  readonly messagesPerSecond: number;
  /** Processor time of this process within the window, in milliseconds. */
  readonly cpuMs: number;
}

export type TelemetryLoadTasks = {
  readonly saturate: (options: SaturateOptions) => Promise<LoadOutcome>;
  readonly pace: (options: PaceOptions) => Promise<LoadOutcome>;
};

const DRAIN_DEADLINE_MS = 30_000;
const PACE_TICK_MS = 2;

/** Connections to a broker and the account of what they had acknowledged. */
interface Fleet {
  readonly publishers: readonly MqttPublisher[];
  /** Sends one message, with values that no other message has. */
  send(publisher: MqttPublisher): void;
  /** Called with the publisher whose message was acknowledged. */
  onAcknowledged: (publisher: MqttPublisher) => void;
  beginWindow(): void;
  /** Ends the window, waits until nothing is in flight, closes the connections. */
  finish(): Promise<LoadOutcome>;
}

async function openFleet({ port, topics, valuesPerMessage, stamped = false }: LoadTarget): Promise<Fleet> {
  const publishers: MqttPublisher[] = [];
  const all = { acknowledged: 0, sent: 0, failure: undefined as Error | undefined };
  let latencies: number[] | undefined;
  let begun = { at: 0, cpu: process.cpuUsage() };

  for (const [index, topic] of topics.entries()) {
    const publisher = await connectMqttPublisher({
      ...{ port, topic, clientId: `bench-${process.pid}-${index}` },
      onAcknowledged(latencyMs) {
        all.acknowledged += 1;
        latencies?.push(latencyMs);
        const self = publishers[index];
        if (self) fleet.onAcknowledged(self);
      },
      onClosed(error) {
        all.failure ??= error;
      },
    });
    publishers.push(publisher);
  }

  const fleet: Fleet = {
    publishers,
    onAcknowledged: () => undefined,
    send(publisher) {
      all.sent += 1;
      const values = toValues(all.sent, valuesPerMessage);
      publisher.publish(Buffer.from(stamped ? stamp(values) : values));
    },
    beginWindow() {
      latencies = [];
      begun = { at: performance.now(), cpu: process.cpuUsage() };
    },
    async finish() {
      const seconds = (performance.now() - begun.at) / 1_000;
      const { user, system } = process.cpuUsage(begun.cpu);
      const measured = latencies ?? [];
      latencies = undefined;
      const deadlineAt = performance.now() + DRAIN_DEADLINE_MS;
      while (publishers.some(({ inFlight }) => inFlight > 0) && !all.failure) {
        if (performance.now() > deadlineAt) throw new Error('messages were not acknowledged in time');
        await sleep(5);
      }
      for (const publisher of publishers) publisher.close();
      if (all.failure) throw all.failure;
      const messagesPerSecond = measured.length / seconds;
      const cpuMs = (user + system) / 1_000;
      return { ...percentilesOf(measured), acknowledged: all.acknowledged, messagesPerSecond, cpuMs };
    },
  };
  return fleet;
}

/** Without a time of its own: the values are taken for measured when they arrive, and none is a repetition. */
function toValues(number: number, values: number): string {
  const fields = Array.from({ length: values }, (_, metric) => `"m${metric}":${number}.5`);
  return `{${fields.join(',')}}`;
}

const stamps = { lastUs: 0 };

/** A metric has one value at one instant: no two messages bear the same microsecond. */
function stamp(values: string): string {
  const nowUs = Math.floor((performance.timeOrigin + performance.now()) * 1_000);
  stamps.lastUs = Math.max(nowUs, stamps.lastUs + 1);
  return `{"ts":${(stamps.lastUs / 1_000).toFixed(3)},"values":${values}}`;
}

/** Keeps as many messages in flight as are asked for: each acknowledgement is answered by the next publish. */
async function saturate(options: SaturateOptions): Promise<LoadOutcome> {
  const fleet = await openFleet(options);
  fleet.onAcknowledged = (publisher) => {
    fleet.send(publisher);
  };
  for (const publisher of fleet.publishers) {
    for (let count = 0; count < options.inFlight; count += 1) fleet.send(publisher);
  }
  await sleep(options.warmUpMs);
  fleet.beginWindow();
  await sleep(options.windowMs);
  fleet.onAcknowledged = () => undefined;
  return fleet.finish();
}

/** Sends at a steady rate, whatever is acknowledged; a late timer is made up for. */
async function pace(options: PaceOptions): Promise<LoadOutcome> {
  const fleet = await openFleet(options);
  const { publishers } = fleet;
  const begunAt = performance.now();
  let sent = 0;
  fleet.beginWindow();
  while (performance.now() - begunAt < options.windowMs) {
    const due = ((performance.now() - begunAt) / 1_000) * options.messagesPerSecond;
    for (; sent < due; sent += 1) {
      const publisher = publishers[sent % publishers.length];
      if (publisher) fleet.send(publisher);
    }
    await sleep(PACE_TICK_MS);
  }
  return fleet.finish();
}

serveTasks({ saturate, pace } satisfies TelemetryLoadTasks);
