import type { GraphQLError } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { FormatErrors } from '../../kernel/graphql/format-errors.js';
import { describeExpiry } from '../../kernel/identity/json-web-tokens.js';
import type { Principal } from '../../kernel/identity/principal.js';
import type { Metrics } from '../../kernel/telemetry/metrics.js';
import type { Gateway } from '../gateway.js';
import type { GatewayOperation } from '../gateway-operation.js';
import type { Generation } from '../generation.js';
import { findSameIn } from './carry-over.js';
import { Delivery, type DeliveryRules } from './delivery.js';
import type { EventSink, SubscriptionEnd } from './event-sink.js';
import type { ExpiryClock } from './expiry-clock.js';
import { toMasked } from './execute-until-end.js';
import type { ReconnectRules } from './reconnect.js';
import { createSharedOperationReader, identityOf } from './shared-operation.js';
import { endSpread } from './spread-end.js';
import { createSubscriptionCounter } from './subscription-limits.js';
import { createSubscriptionMetrics, type SubscriptionMetrics } from './subscription-metrics.js';
import type { SubscriptionSettings } from './subscription-settings.js';
import { createSubscriptionTable, type SubscriptionTable } from './subscription-table.js';

/** Brings the events of subscriptions to clients: one execution for all that ask for the same. */
export interface SubscriptionHub {
  /**
   * Begins a subscription of a client. Whatever becomes of it is told to the sink, even before this returns; the returned
   * function is the client's leave, and safe to call twice.
   *
   * @param connection what the subscriptions of one connection have in common.
   */
  join(operation: GatewayOperation, connection: object, sink: EventSink): () => void;
  /** Takes no more, and tells every client that the gateway is stopping. Resolves when that is on its way. */
  drain(): Promise<void>;
}

export interface SubscriptionHubOptions {
  readonly gateway: Pick<Gateway, 'subscribe' | 'onGeneration'>;
  readonly formatErrors: FormatErrors;
  /** Ends what belongs to somebody who is let in no more. */
  readonly expiry: ExpiryClock;
  readonly metrics: Metrics;
  readonly settings: SubscriptionSettings;
  readonly random?: () => number;
}

/** The longest wait before a lost subscription is begun again, in milliseconds. */
const MAX_RECONNECT_MS = 10_000;
/** Over how long the clients of a stopping gateway should come back, in milliseconds. */
const RETURN_SPREAD_MS = 5_000;

const nothing = (): void => undefined;

/** Makes the hub of one server. */
export function createSubscriptionHub(options: SubscriptionHubOptions): SubscriptionHub {
  const { gateway, formatErrors, expiry, settings, random = Math.random } = options;
  const counter = createSubscriptionCounter(settings);
  const read = createSharedOperationReader();
  const stopping = new AbortController();
  const metrics = createSubscriptionMetrics(options.metrics, {
    upstreams: () => table.running.size,
    unsentBytes: () => sumUnsent(table),
  });
  const table = createSubscriptionTable({
    subscribe: (asked) => gateway.subscribe(asked),
    formatErrors,
    reconnect: toReconnectRules(settings, random),
    metrics,
  });
  const rules = toRules(settings, metrics);

  function watchExpiry({ expiresAt }: Principal, onExpired: () => void): () => void {
    return expiresAt === undefined ? nothing : expiry.watch(expiresAt, onExpired);
  }

  function begin(asked: GatewayOperation, connection: object, sink: EventSink): () => void {
    if (stopping.signal.aborted) throw describeStop(random);
    const operation = read(asked);
    if (!('key' in operation)) {
      sink.end({ kind: 'refused', result: { errors: operation } });
      return nothing;
    }
    const { principal } = asked.context;
    const release = counter.take(identityOf(principal), connection);
    metrics.clients.inc();
    const subscription = table.findOrBegin(operation);
    const delivery = new Delivery(sink, rules, () => {
      stopWatching();
      release();
      metrics.clients.dec();
    });
    const leave = () => {
      delivery.discard();
      subscription.remove(delivery);
    };
    const stopWatching = watchExpiry(principal, () => {
      delivery.end({ kind: 'failed', errors: [toMasked(describeExpiry())] });
      leave();
    });
    subscription.add(delivery);
    return leave;
  }

  const stopFollowing = followGenerations(gateway, async (generation) => {
    for (const subscription of [...table.running]) {
      // Reading again takes the event loop: others have their turn in between.
      await new Promise(setImmediate);
      if (!table.running.has(subscription)) continue;
      const same = await findSameIn(generation, subscription.operation, read);
      if (!table.running.has(subscription)) continue;
      table.move(subscription, same);
      if (same) continue;
      const spreadMs = settings.schemaChangeSpreadMs;
      void endSpread(subscription, { end: describeChange, spreadMs, random, signal: stopping.signal });
    }
  });

  return {
    join(asked, connection, sink) {
      try {
        return begin(asked, connection, sink);
      } catch (error) {
        sink.end({ kind: 'failed', errors: [toMasked(error)] });
        return nothing;
      }
    },
    async drain() {
      stopFollowing();
      stopping.abort();
      for (const subscription of [...table.running]) {
        for (const client of [...subscription.clients]) {
          client.end({ kind: 'failed', errors: [toMasked(describeStop(random))] });
          subscription.remove(client);
        }
      }
      // The protocols write it behind what they have still to do.
      await new Promise(setImmediate);
    },
  };
}

function toReconnectRules(
  { subscriptionReconnects: maxAttempts, subscriptionReconnectMs: baseMs }: SubscriptionSettings,
  random: () => number,
): ReconnectRules {
  return { maxAttempts, baseMs, maxMs: Math.max(MAX_RECONNECT_MS, baseMs), random };
}

function toRules(
  { slowClientPolicy: policy, maxUnsentBytes }: SubscriptionSettings,
  metrics: SubscriptionMetrics,
): DeliveryRules {
  return {
    policy,
    maxUnsentBytes,
    onDropped: (count) => {
      metrics.dropped.inc({ policy }, count);
    },
    onLate: ({ readyAt }) => {
      metrics.lagSeconds.observe((performance.now() - readyAt) / 1_000);
    },
  };
}

/** Calls back for each generation that follows the current one, one after the other. */
function followGenerations(
  gateway: Pick<Gateway, 'onGeneration'>,
  onNext: (generation: Generation) => Promise<void>,
): () => void {
  let first = true;
  let before = Promise.resolve();
  return gateway.onGeneration((generation) => {
    if (!first) before = before.then(() => onNext(generation)).catch(nothing);
    first = false;
  });
}

function sumUnsent({ running }: SubscriptionTable): number {
  let bytes = 0;
  for (const { clients } of running) for (const client of clients) bytes += client.unsentBytes;
  return bytes;
}

function describeStop(random: () => number): AegisError {
  return new AegisError('UNAVAILABLE', 'the gateway is stopping. Subscribe again, behind the last event.', {
    retryAfterMs: Math.round(random() * RETURN_SPREAD_MS),
    details: { reason: 'STOPPING' },
  });
}

function describeChange(): SubscriptionEnd {
  const error: GraphQLError = toMasked(
    new AegisError(
      'UNAVAILABLE',
      'the schema has changed, and with it what this subscription means. Subscribe again.',
      { details: { reason: 'SCHEMA_CHANGED' } },
    ),
  );
  return { kind: 'failed', errors: [error] };
}
