import type { EventBytes } from './event-bytes.js';
import type { EventSink, SubscriptionEnd } from './event-sink.js';

/**
 * What happens to a client that reads more slowly than events come, once its bound of unsent bytes is reached:
 * - `disconnect` breaks its connection off, and it may come back;
 * - `latest` keeps the newest event for it and drops those between;
 * - `drop-oldest` keeps as many of the newest as the bound allows.
 */
export const SLOW_CLIENT_POLICIES = ['disconnect', 'latest', 'drop-oldest'] as const;

export type SlowClientPolicy = (typeof SLOW_CLIENT_POLICIES)[number];

/** What is the same for all deliveries. */
export interface DeliveryRules {
  readonly policy: SlowClientPolicy;
  /**
   * The most bytes that wait for one client. Under `latest` and `drop-oldest`, half of it may wait in the connection and
   * half before it; an event larger than that waits alone.
   */
  readonly maxUnsentBytes: number;
  /** Told of events that a client does not get. */
  readonly onDropped: (count: number) => void;
  /** Told of an event that had waited, when it goes to the connection. */
  readonly onLate: (event: EventBytes) => void;
}

/** The events on their way to one client of one subscription, in order and within its bound. Never blocks others. */
export class Delivery {
  readonly #sink: EventSink;
  readonly #rules: DeliveryRules;
  readonly #onOver: () => void;
  #waiting: EventBytes[] | undefined;
  #over = false;

  /** @param onOver called once, when the client gets nothing more. */
  constructor(sink: EventSink, rules: DeliveryRules, onOver: () => void) {
    this.#sink = sink;
    this.#rules = rules;
    this.#onOver = onOver;
  }

  /** What waits for the client here and in its connection, in bytes. */
  get unsentBytes(): number {
    return this.#sink.unsentBytes + sizeOf(this.#waiting ?? []);
  }

  /** Sends an event now, or as the policy says. False when the client was disconnected for it. */
  push(event: EventBytes): boolean {
    if (this.#over) return true;
    if (this.#waiting) this.#flush();
    if (!this.#waiting?.length && this.#hasRoomFor(event)) {
      this.#sink.write(event);
      return true;
    }
    if (this.#rules.policy === 'disconnect') {
      this.discard();
      this.#rules.onDropped(1);
      this.#sink.disconnect();
      return false;
    }
    this.#keep(event);
    return true;
  }

  /** Sends what waits, and behind it how the subscription ended. Safe to call twice. */
  end(end: SubscriptionEnd): void {
    if (this.#over) return;
    // No more follows, so what waits is within its bound whether it waits here or in the connection.
    for (const event of this.#waiting ?? []) this.#sink.write(event);
    this.discard();
    this.#sink.end(end);
  }

  /** Forgets what waits: the client has left. Safe to call twice. */
  discard(): void {
    if (this.#over) return;
    this.#over = true;
    this.#waiting = undefined;
    this.#onOver();
  }

  #hasRoomFor(event: EventBytes): boolean {
    const { unsentBytes } = this.#sink;
    // Otherwise what is larger than the bound would never be sent.
    return unsentBytes === 0 || unsentBytes + event.json.length <= this.#limit;
  }

  get #limit(): number {
    const { policy, maxUnsentBytes } = this.#rules;
    return policy === 'disconnect' ? maxUnsentBytes : maxUnsentBytes / 2;
  }

  #keep(event: EventBytes): void {
    const waiting = this.#waiting;
    if (!waiting) {
      this.#waiting = [event];
      this.#sink.onceDrained(() => {
        this.#onDrained();
      });
      return;
    }
    waiting.push(event);
    const before = waiting.length;
    if (this.#rules.policy === 'latest') waiting.splice(0, before - 1);
    else while (waiting.length > 1 && sizeOf(waiting) > this.#limit) waiting.shift();
    if (waiting.length < before) this.#rules.onDropped(before - waiting.length);
  }

  #onDrained(): void {
    if (!this.#waiting) return;
    this.#flush();
    if (this.#waiting.length === 0) this.#waiting = undefined;
    else
      this.#sink.onceDrained(() => {
        this.#onDrained();
      });
  }

  /** Sends of what waits as much as there is room for. The list stays until the connection says that it has drained. */
  #flush(): void {
    const waiting = this.#waiting ?? [];
    for (let event = waiting[0]; event && this.#hasRoomFor(event); event = waiting[0]) {
      waiting.shift();
      this.#sink.write(event);
      this.#rules.onLate(event);
    }
  }
}

function sizeOf(events: readonly EventBytes[]): number {
  let bytes = 0;
  for (const { json } of events) bytes += json.length;
  return bytes;
}
