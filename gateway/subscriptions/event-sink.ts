import type { ExecutionResult, GraphQLError } from 'graphql';
import type { EventBytes } from './event-bytes.js';

/** How a subscription is over. */
export type SubscriptionEnd =
  /** There are no more events. */
  | { readonly kind: 'complete' }
  /** It has not begun; the result has no data. */
  | { readonly kind: 'refused'; readonly result: ExecutionResult }
  /** It broke off. */
  | { readonly kind: 'failed'; readonly errors: readonly GraphQLError[] };

/** The way to one client: what its protocol and its connection are. None of these throws or waits. */
export interface EventSink {
  /** What was written and is not yet handed to the network, in bytes. */
  readonly unsentBytes: number;
  write(event: EventBytes): void;
  /** Calls back once, when nothing is unsent any more; never when the connection breaks first. */
  onceDrained(listener: () => void): void;
  /** Called once, behind everything that was written. */
  end(end: SubscriptionEnd): void;
  /** Breaks the connection off, because its client does not read what it is sent. */
  disconnect(): void;
}
