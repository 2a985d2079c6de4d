import { z } from 'zod';

const WORDS = ['auto', 'ws', 'sse'] as const;

/**
 * How a subgraph offers its subscriptions: `ws` by graphql-ws and `sse` by Server-Sent Events at its address, or an address
 * of their own, whose scheme says which of the two it is; `auto` tries graphql-ws, and then Server-Sent Events where the
 * subgraph refuses to open a WebSocket.
 */
export type SubscriptionsOffered = (typeof WORDS)[number] | `${'ws' | 'wss' | 'http' | 'https'}://${string}`;

const Offered = z.union([
  z.enum(WORDS),
  z.url({ protocol: /^(?:wss?|https?)$/ }).transform((text) => text as SubscriptionsOffered),
]);

const BySubgraph = z.record(z.string(), Offered);

/** What is set for each subgraph, by its name. */
export type SubscriptionsBySubgraph = Readonly<Record<string, SubscriptionsOffered>>;

/** Reads JSON such as `{"stock": "sse", "ticks": "wss://ticks.example/live"}`; undefined when it is something else. */
export function readSubscriptionsOffered(text: string): SubscriptionsBySubgraph | undefined {
  try {
    return BySubgraph.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
