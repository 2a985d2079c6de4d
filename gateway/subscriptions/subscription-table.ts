import { createCaughtUpMerging } from './merge-caught-up.js';
import type { SharedOperation } from './shared-operation.js';
import {
  createSharedSubscription,
  type SharedSubscription,
  type SharedSubscriptionDeps,
} from './shared-subscription.js';

/** The executions that run, and which of them a client can still join. */
export interface SubscriptionTable {
  readonly running: ReadonlySet<SharedSubscription>;
  /** The execution for a client that asks for this. */
  findOrBegin(operation: SharedOperation): SharedSubscription;
  /** Lets one be found as another operation from now on, or not at all. */
  move(subscription: SharedSubscription, operation: SharedOperation | undefined): void;
}

/** Makes an empty table. */
export function createSubscriptionTable(
  deps: Omit<SharedSubscriptionDeps, 'onEnd' | 'onDelivered'>,
): SubscriptionTable {
  const running = new Set<SharedSubscription>();
  const byKey = new Map<string, SharedSubscription>();
  const merging = createCaughtUpMerging();
  const leaving = new WeakSet<SharedSubscription>();

  function forget(subscription: SharedSubscription): void {
    const { key } = subscription.operation;
    if (byKey.get(key) === subscription) byKey.delete(key);
  }

  return {
    running,
    findOrBegin(operation) {
      const known = byKey.get(operation.key);
      if (known?.joinable) return known;
      const begun = createSharedSubscription(operation, {
        ...deps,
        onDelivered(subscription) {
          if (!leaving.has(subscription)) merging.note(subscription);
        },
        onEnd(subscription) {
          forget(subscription);
          merging.forget(subscription);
          running.delete(subscription);
        },
      });
      running.add(begun);
      byKey.set(operation.key, begun);
      return begun;
    },
    move(subscription, operation) {
      forget(subscription);
      merging.forget(subscription);
      if (!operation) leaving.add(subscription);
      if (!operation) return;
      subscription.carryOver(operation);
      // Somebody may have asked the same of the new supergraph already.
      if (!byKey.get(operation.key)?.joinable) byKey.set(operation.key, subscription);
    },
  };
}
