import type { ExecutionResult } from 'graphql';
import type { FormatErrors } from '../../kernel/graphql/format-errors.js';
import type { GatewayOperation } from '../gateway-operation.js';
import type { GatewaySubscription } from '../operation-runner.js';
import type { Delivery } from './delivery.js';
import type { EventBytes } from './event-bytes.js';
import type { SubscriptionEnd } from './event-sink.js';
import { createEventWriter } from './event-writer.js';
import { executeUntilEnd, toMasked } from './execute-until-end.js';
import type { ReconnectRules } from './reconnect.js';
import { createExecutionOpener } from './open-execution.js';
import type { SharedOperation } from './shared-operation.js';
import type { SubscriptionMetrics } from './subscription-metrics.js';

/** One execution of a subscription, for all clients that ask for the same. It runs as long as there is one of them. */
export interface SharedSubscription {
  readonly operation: SharedOperation;
  readonly clients: ReadonlySet<Delivery>;
  /** Whether a client that comes now gets the events that it asked for. */
  readonly joinable: boolean;
  /** The event that it has come to; undefined before the first, where events have no cursors, and when it has ended. */
  readonly place: Place | undefined;
  /** A client that comes later gets the next event as its first. */
  add(client: Delivery): void;
  /** With the last client the execution ends, at once. */
  remove(client: Delivery): void;
  /** Continues as the same operation of another generation; what is open at the subgraph goes on untouched. */
  carryOver(operation: SharedOperation): void;
  /** Hands its clients over to one that has come to the same event and gets the same ones from there on, and ends. */
  mergeInto(other: SharedSubscription): void;
}

/** How far an execution has come. */
export interface Place {
  readonly cursor: unknown;
  /** The event as clients got it. */
  readonly event: EventBytes;
  /** Whether all its clients have the event, or not yet, or the subgraph is lost and it waits to begin again. */
  readonly state: 'settled' | 'delivering' | 'lost';
}

export interface SharedSubscriptionDeps {
  /** Begins an execution of its own. Never throws. */
  readonly subscribe: (operation: GatewayOperation) => Promise<GatewaySubscription | ExecutionResult>;
  readonly formatErrors: FormatErrors;
  readonly reconnect: ReconnectRules;
  readonly metrics: SubscriptionMetrics;
  /** Told when all clients have an event. */
  readonly onDelivered: (subscription: SharedSubscription) => void;
  /** Told once, when it has ended in whichever way. */
  readonly onEnd: (subscription: SharedSubscription) => void;
}

/** After so many writes the rest of the process has its turn: they take some milliseconds. */
const CLIENTS_AT_ONCE = 500;

/** Begins an execution. Nothing is told to a client before this has returned. */
export function createSharedSubscription(
  begun: SharedOperation,
  { subscribe, formatErrors, reconnect, metrics, onDelivered, onEnd }: SharedSubscriptionDeps,
): SharedSubscription {
  const clients = new Set<Delivery>();
  const left = new AbortController();
  const writer = createEventWriter(formatErrors);
  const now = () => ({ operation, cursor: writer.cursor });
  const execution = createExecutionOpener({ subscribe, now, signal: left.signal });
  let operation = begun;
  let ended = false;
  let state: Place['state'] = 'settled';
  let mergedInto: SharedSubscription | undefined;

  async function deliver(result: ExecutionResult): Promise<void> {
    const event = writer.write(result, operation);
    state = 'delivering';
    metrics.delivered.inc(clients.size);
    await pushToEach(clients, event, remove);
    metrics.lagSeconds.observe((performance.now() - event.readyAt) / 1_000);
    state = 'settled';
    if (!ended) onDelivered(subscription);
  }

  function noteLoss(): void {
    state = 'lost';
    const resumes = writer.cursor !== undefined || operation.begins;
    if (!resumes) writer.markGap();
    metrics.reconnects.inc({ continuity: resumes ? 'resumed' : 'gap' });
  }

  function finish(end: SubscriptionEnd): void {
    if (ended) return;
    ended = true;
    for (const client of clients) client.end(end);
    clients.clear();
    onEnd(subscription);
  }

  function remove(client: Delivery): void {
    mergedInto?.remove(client);
    if (!clients.delete(client) || clients.size > 0 || ended) return;
    stop();
  }

  function stop(): void {
    left.abort();
    finish({ kind: 'complete' });
  }

  const subscription: SharedSubscription = {
    get operation() {
      return operation;
    },
    clients,
    get joinable() {
      return !ended && !(operation.begins && writer.count > 0);
    },
    get place() {
      const { cursor, last: event } = writer;
      return ended || cursor === undefined || !event ? undefined : { cursor, event, state };
    },
    add(client) {
      clients.add(client);
    },
    remove,
    carryOver(next) {
      operation = next;
      execution.takeAlong();
    },
    mergeInto(other) {
      mergedInto = other;
      for (const client of clients) other.add(client);
      clients.clear();
      stop();
    },
  };
  const { open } = execution;
  executeUntilEnd({ open, onEvent: deliver, onLoss: noteLoss, reconnect, signal: left.signal }).then(
    finish,
    (error: unknown) => {
      finish({ kind: 'failed', errors: [toMasked(error)] });
    },
  );
  return subscription;
}

async function pushToEach(
  clients: ReadonlySet<Delivery>,
  event: EventBytes,
  drop: (client: Delivery) => void,
): Promise<void> {
  let turn = 0;
  // Those who come meanwhile get the next event as their first.
  for (const client of [...clients]) {
    turn += 1;
    if (turn % CLIENTS_AT_ONCE === 0) await new Promise(setImmediate);
    if (clients.has(client) && !client.push(event)) drop(client);
  }
}
