import type { SharedSubscription } from './shared-subscription.js';

/** Finds executions that have come to the same event, and makes one of them. */
export interface CaughtUpMerging {
  /** All clients of an execution have an event. */
  note(subscription: SharedSubscription): void;
  /** It merges with no other one any more, or not before its next event. */
  forget(subscription: SharedSubscription): void;
}

/** Where an execution was last seen. */
interface Seen {
  readonly family: string;
  readonly cursor: unknown;
}

/**
 * Makes one of executions that differ only in where they began, once one has caught up with the other: from the same event
 * on they get the same ones, as they do when they are begun again behind it.
 *
 * It is the same event when its cursor and all that clients were told of it are the same. Clients that all have it are
 * handed over to the other execution, whose next event is their next: nothing is missing, and nothing comes twice.
 */
export function createCaughtUpMerging(): CaughtUpMerging {
  /** Of each family, by cursors. */
  const families = new Map<string, Map<unknown, SharedSubscription>>();
  const seen = new Map<SharedSubscription, Seen>();

  function forget(subscription: SharedSubscription): void {
    const before = seen.get(subscription);
    seen.delete(subscription);
    const places = before && families.get(before.family);
    if (places?.get(before?.cursor) !== subscription) return;
    places.delete(before?.cursor);
    if (before && places.size === 0) families.delete(before.family);
  }

  return {
    note(subscription) {
      forget(subscription);
      const { place, operation } = subscription;
      if (!place || operation.family === undefined) return;
      const places = families.get(operation.family) ?? new Map<unknown, SharedSubscription>();
      const other = places.get(place.cursor);
      if (other && merge(subscription, other)) return;
      families.set(operation.family, places.set(place.cursor, subscription));
      seen.set(subscription, { family: operation.family, cursor: place.cursor });
    },
    forget,
  };
}

/** Makes one of two; false when the one that was to go on has ended, and so has to be noted. */
function merge(subscription: SharedSubscription, other: SharedSubscription): boolean {
  const here = subscription.place;
  const there = other.place;
  if (!here || !there || there.cursor !== here.cursor) return false;
  if (!here.event.json.equals(there.event.json)) return false;
  // Rather the one that others may still join; and never one that waits for its subgraph.
  const otherGoesOn = there.state !== 'lost' && (other.joinable || !subscription.joinable);
  if (otherGoesOn) subscription.mergeInto(other);
  else if (there.state !== 'delivering') other.mergeInto(subscription);
  return otherGoesOn;
}
