import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { untilAborted } from '../../../../kernel/lifecycle/until-aborted.js';
import {
  fallBack,
  FIRST_RECONNECT_MS,
  LAST_RECONNECT_MS,
  sharesSubscriptions,
  toClientOptions,
  type BrokerOptions,
} from '../../../../kernel/messaging/broker-options.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import { hostStateTopic, parseHostState, toHostStateJson } from './host-state.js';

/** Tells edge nodes of Sparkplug behind an external broker whether their host application is there. */
export interface HostPresence {
  /** The host is there from now on, as far as the broker can be reached. Does nothing when it is already. */
  attend(): void;
  /** The host is there no more. Resolves once the broker has been told, or cannot be. */
  leave(): Promise<void>;
}

export interface HostPresenceDeps extends BrokerOptions {
  /** With credentials, where the broker wants some. */
  readonly url: string;
  readonly hostId: string;
  readonly logger: Logger;
  readonly now?: () => number;
}

/** How long the broker may take for one answer, in milliseconds. */
const ANSWER_MS = 5_000;
/** How far ahead of our clock a time may be that is believed, in milliseconds: a day. */
const MAX_AHEAD_MS = 86_400_000;
/** How long after it was told again what we are is not told again, in milliseconds: who tells otherwise may go on. */
const REPEAT_PAUSE_MS = 1_000;

/**
 * Makes it: a connection of its own, as that of a host application keeps no session at the broker while ours does, and its
 * will tells that it is gone. Each connection has a later time than all that is known of this host id, so that a goodbye
 * of another process that comes late, or a will, is not believed over it.
 *
 * Source: Sparkplug 3.0.0, `tck-id-message-flow-phid-sparkplug-*`, `tck-id-operational-behavior-host-application-*`.
 */
export function createHostPresence(deps: HostPresenceDeps): HostPresence {
  let current: AbortController | undefined;
  let done: Promise<void> = Promise.resolve();
  const stamp = createStamp(deps.now ?? Date.now);
  return {
    attend() {
      if (current) return;
      const ending = new AbortController();
      current = ending;
      done = done.then(() => attendUntil(ending.signal, { ...deps, stamp }));
    },
    async leave() {
      current?.abort();
      current = undefined;
      await done;
    },
  };
}

/** Gives times that are later than each other, and than all that were seen, also of machines whose clocks are ahead. */
function createStamp(now: () => number) {
  let last = 0;
  return {
    /** No clock is that far ahead: a time after it would be followed by all hosts of this name for ever. */
    isPlausible: (timestamp: number) => timestamp <= now() + MAX_AHEAD_MS,
    next: () => (last = Math.max(now(), last + 1)),
    saw(timestamp: number): void {
      last = Math.max(last, timestamp);
    },
  };
}

interface AttendDeps extends HostPresenceDeps {
  readonly stamp: ReturnType<typeof createStamp>;
}

/** Never throws. */
async function attendUntil(signal: AbortSignal, deps: AttendDeps): Promise<void> {
  const { logger } = deps;
  let options: IClientOptions | undefined;
  const isOver = () => signal.aborted;
  for (let failures = 0; !isOver();) {
    try {
      options ??= { ...(await toClientOptions(deps)), ...asHost(deps) };
      await attendOnce(options, { ...deps, onOnline: () => (failures = 0) }, signal);
    } catch (error) {
      if (isOver()) return;
      const isOlder = error instanceof Error && options && fallBack(options, deps, error);
      if (!isOlder && failures === 0)
        logger.warn({ err: error }, 'edge nodes of Sparkplug cannot be told that their host is there');
    }
    const pauseMs = Math.min(LAST_RECONNECT_MS, FIRST_RECONNECT_MS * 2 ** failures);
    failures += 1;
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

/** A host application keeps no session. Source: Sparkplug 3.0.0, `tck-id-message-flow-phid-sparkplug-clean-session-*`. */
function asHost({ clientId }: BrokerOptions): IClientOptions {
  return {
    clientId: `${clientId}-host`,
    ...{ clean: true, properties: { sessionExpiryInterval: 0 } },
    ...{ reconnectPeriod: 0, reconnectOnConnackError: false },
  };
}

interface OnceDeps extends AttendDeps {
  readonly onOnline: () => void;
}

/** Is there on one connection. Ends when the signal is aborted, or when another must follow; throws when it is lost. */
async function attendOnce(options: IClientOptions, deps: OnceDeps, signal: AbortSignal): Promise<void> {
  const { hostId, stamp, onOnline } = deps;
  const topic = hostStateTopic(hostId);
  const timestamp = stamp.next();
  const [online, offline] = [true, false].map((is) => toHostStateJson({ online: is, timestamp })) as [
    string,
    string,
  ];
  const retained = { qos: 1, retain: true } as const;
  const client = connect(deps.url, {
    ...options,
    will: { topic, payload: Buffer.from(offline), ...retained },
  });
  const closed = untilClosed(client);
  const overtaken = new AbortController();
  let isTelling = false;
  const telling = createRepeater(() => {
    client.publish(topic, online, retained);
  });
  client.on('message', (_topic, payload, { retain }) => {
    const state = parseHostState(payload);
    const isBelieved = state !== undefined && stamp.isPlausible(state.timestamp);
    // Of ourselves, or of another process of this name: the host is there.
    if (isBelieved && state.online) return;
    if (isBelieved) stamp.saw(state.timestamp);
    // Nodes that have seen a later time would not believe the one of this connection.
    if (isBelieved && state.timestamp > timestamp) overtaken.abort();
    // Also over what is no state, and over nothing: nodes that come later are told what is kept. What was kept before this
    // connection is followed by what it tells first.
    else if (isTelling && !retain) telling.repeat();
  });
  try {
    await answer(untilConnected(client), closed, signal);
    // Before it tells that it is there: `tck-id-message-flow-phid-sparkplug-subscription`.
    const hears = client.subscribeAsync(topic, { qos: 1, ...ownExcluded(client) });
    await answer(hears, closed, signal);
    if (overtaken.signal.aborted) return;
    isTelling = true;
    await answer(client.publishAsync(topic, online, retained), closed, signal);
    onOnline();
    await untilEither(closed, AbortSignal.any([signal, overtaken.signal]));
    isTelling = false;
    telling.stop();
    // One that is overtaken says no goodbye, as it is back in a moment.
    if (signal.aborted) await sayGoodbye(client, { topic, timestamp: stamp.next() });
  } finally {
    isTelling = false;
    telling.stop();
    await end(client);
  }
}

/** Does something at once, and what was asked for during the pause after it once at its end. */
function createRepeater(act: () => void) {
  let timer: NodeJS.Timeout | undefined;
  let again = false;
  function begin(): void {
    again = false;
    act();
    timer = setTimeout(() => {
      timer = undefined;
      if (again) begin();
    }, REPEAT_PAUSE_MS).unref();
  }
  return {
    repeat(): void {
      if (timer) again = true;
      else begin();
    },
    stop(): void {
      clearTimeout(timer);
      again = false;
    },
  };
}

/** Tells it before the connection ends, with the time of that: `tck-id-operational-behavior-host-application-termination`. */
async function sayGoodbye(
  client: MqttClient,
  { topic, timestamp }: { readonly topic: string; readonly timestamp: number },
): Promise<void> {
  const payload = toHostStateJson({ online: false, timestamp });
  const told = client.publishAsync(topic, payload, { qos: 1, retain: true });
  await untilAborted(told, AbortSignal.timeout(ANSWER_MS)).catch(() => undefined);
}

/** With a DISCONNECT, so that the broker drops the will. */
async function end(client: MqttClient): Promise<void> {
  const ended = client.endAsync(!client.connected);
  await untilAborted(ended, AbortSignal.timeout(ANSWER_MS)).catch(() => client.stream.destroy());
}

/** Errors: the client's, or that its connection is gone. Never resolves. */
function untilClosed(client: MqttClient): Promise<never> {
  const closed = new Promise<never>((_resolve, reject) => {
    client.on('error', reject);
    client.once('close', () => {
      reject(new Error('the connection to the MQTT broker is gone'));
    });
  });
  closed.catch(() => undefined);
  return closed;
}

function untilConnected(client: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    client.once('connect', () => {
      resolve();
    });
  });
}

async function answer(work: Promise<unknown>, closed: Promise<never>, signal: AbortSignal): Promise<void> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  await untilAborted(Promise.race([work, closed]), until);
}

/** Errors: that of the connection. */
async function untilEither(closed: Promise<never>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await Promise.race([closed, once(signal, 'abort')]);
}

/** Only MQTT 5 has a word for that; with 3.1.1 what was told comes back, and says nothing new. */
function ownExcluded(client: MqttClient): { nl?: true } {
  return sharesSubscriptions(client.options) ? { nl: true } : {};
}
