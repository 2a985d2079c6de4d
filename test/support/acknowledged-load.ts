import { request, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AegisSystem } from './aegis-system.js';
import { connectDevice, publishTelemetry } from './telemetry-load.js';

/** Readings that are sent as fast as their answers come, until the other side is gone. */
export interface AcknowledgedLoad {
  /** The device times of the readings that were acknowledged, in milliseconds since 1970. */
  readonly acknowledged: ReadonlySet<number>;
  readonly sent: () => number;
  /** Sends no more, and waits for the answers that are due, or for the connection to be lost. */
  finish(): Promise<void>;
}

export interface LoadTarget {
  readonly system: Pick<AegisSystem, 'mqttUrl' | 'ingestUrl' | 'apiKey'>;
  readonly device: string;
  readonly metric: string;
  /** The device time of the first reading; each further one is a millisecond later. */
  readonly firstAt: number;
}

/** Begins a load. */
export type StartLoad = (target: LoadTarget) => Promise<AcknowledgedLoad>;

const RATE_PER_SECOND = 2_000;
const REQUESTS_AT_ONCE = 8;
const LINES_IN_FLIGHT = 500;

const toBody = ({ firstAt, metric }: LoadTarget, number: number) =>
  JSON.stringify({ ts: firstAt + number, values: { [metric]: number } });

/** Over MQTT with QoS 1, at a steady rate. */
export const startMqttLoad: StartLoad = async (target) => {
  const client = await connectDevice(target.system);
  const load = publishTelemetry({ ...target, client, ratePerSecond: RATE_PER_SECOND });
  return {
    ...load,
    async finish() {
      await load.finish();
      await client.endAsync(true);
    },
  };
};

/** By requests of one reading each, some at a time. */
export const startHttpLoad: StartLoad = (target) => {
  const acknowledged = new Set<number>();
  let sent = 0;
  let stopped = false;

  async function sendOne(number: number): Promise<void> {
    const answer = await fetch(`${target.system.ingestUrl}/${target.device}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...keyOf(target) },
      body: toBody(target, number),
    });
    await answer.arrayBuffer();
    if (answer.ok) acknowledged.add(target.firstAt + number);
  }

  async function send(): Promise<void> {
    while (!stopped) {
      sent += 1;
      // The one that fails is not acknowledged; the process is gone, then.
      await sendOne(sent - 1).catch(() => sleep(5));
    }
  }

  const senders = Array.from({ length: REQUESTS_AT_ONCE }, send);
  return Promise.resolve({
    acknowledged,
    sent: () => sent,
    async finish() {
      stopped = true;
      await Promise.all(senders);
    },
  });
};

/** As lines of one request, each answered by a line. */
export const startStreamLoad: StartLoad = (target) => {
  const acknowledged = new Set<number>();
  const { ingestUrl } = target.system;
  let [sent, answered, stopped] = [0, 0, false];
  const stream = request(`${ingestUrl}/${target.device}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', ...keyOf(target) },
  });
  stream.flushHeaders();
  const closed = new Promise<void>((resolve) => {
    stream.once('close', resolve);
    stream.on('error', () => {
      stopped = true;
    });
  });

  function pump(): void {
    while (!stopped && sent - answered < LINES_IN_FLIGHT) {
      stream.write(`${toBody(target, sent)}\n`);
      sent += 1;
    }
  }

  stream.once('response', (response: IncomingMessage) => {
    response.on('error', () => {
      stopped = true;
    });
    createInterface({ input: response })
      .on('line', (text) => {
        const { line, accepted } = JSON.parse(text) as { readonly line: number; readonly accepted?: number };
        answered = line;
        // Its number is one less than that of its line, the first of which is 1.
        if (accepted === 1) acknowledged.add(target.firstAt + line - 1);
        pump();
      })
      .on('error', () => undefined);
    pump();
  });
  return Promise.resolve({
    acknowledged,
    sent: () => sent,
    async finish() {
      stopped = true;
      stream.end();
      await closed;
    },
  });
};

function keyOf({ system: { apiKey } }: LoadTarget): Record<string, string> {
  return apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
}
