import { setTimeout as sleep } from 'node:timers/promises';
import type { SubscriptionEnd } from './event-sink.js';
import type { SharedSubscription } from './shared-subscription.js';

export interface SpreadOptions {
  readonly end: () => SubscriptionEnd;
  /** Over how long, in milliseconds. */
  readonly spreadMs: number;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Aborted when it need not go on. */
  readonly signal: AbortSignal;
}

/** How many steps the time is cut into. */
const STEPS = 20;

/** Ends a subscription for its clients, a few at a time and in no order: they will all come back. */
export async function endSpread(
  subscription: SharedSubscription,
  { end, spreadMs, random, signal }: SpreadOptions,
): Promise<void> {
  const turns = [...subscription.clients].map((client) => ({ client, at: random() }));
  turns.sort((a, b) => a.at - b.at);
  for (let step = 1; turns.length > 0 && !signal.aborted; step += 1) {
    await sleep(spreadMs / STEPS, undefined, { signal }).catch(() => undefined);
    while ((turns[0]?.at ?? 1) < step / STEPS) {
      const client = turns.shift()?.client;
      if (!client || !subscription.clients.has(client)) continue;
      client.end(end());
      subscription.remove(client);
    }
  }
}
