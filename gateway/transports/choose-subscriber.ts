import { AegisError } from '../../kernel/errors/aegis-error.js';
import { createEventStreamSubscriber } from './event-stream-subscriber.js';
import type { SubscriptionsOffered } from './subscriptions-offered.js';
import type { SubgraphSubscriber, SubgraphSubscriberOptions } from './subgraph-subscriber.js';
import type { SubgraphRequest, SubgraphResponse } from './transport.js';
import { UpgradeRefused } from './upgrade-refused.js';
import { createWebSocketSubscriber } from './web-socket-subscriber.js';

/** Subscribes in the way that a subgraph offers. */
export function chooseSubscriber(
  options: SubgraphSubscriberOptions,
  offered: SubscriptionsOffered = 'auto',
): SubgraphSubscriber {
  if (offered === 'auto') return createEither(options);
  if (offered === 'ws') return createWebSocketSubscriber(options);
  if (offered === 'sse') return createEventStreamSubscriber(options);
  // An address of its own is in the operator's settings, wherever the rest of the subgraph is.
  const there = { ...options, url: offered, lookup: undefined };
  return offered.startsWith('ws') ? createWebSocketSubscriber(there) : createEventStreamSubscriber(there);
}

/** Finds out which it is by the first subscription, and then keeps to it. */
function createEither(options: SubgraphSubscriberOptions): SubgraphSubscriber {
  const sockets = createWebSocketSubscriber(options);
  const streams = createEventStreamSubscriber(options);
  let found: SubgraphSubscriber | undefined;

  async function tryBoth(request: SubgraphRequest): Promise<AsyncIterableIterator<SubgraphResponse>> {
    try {
      const events = await sockets.subscribe(request);
      found = sockets;
      return events;
    } catch (error) {
      if (!isWithoutSockets(error)) throw error;
      const events = await streams.subscribe(request);
      // Only once it has worked: a proxy in front of a subgraph that is away refuses everything.
      found = streams;
      return events;
    }
  }

  return {
    subscribe: (request) => (found ? found.subscribe(request) : tryBoth(request)),
    async close() {
      await Promise.all([sockets.close(), streams.close()]);
    },
  };
}

/** Whether a subgraph does not know what a WebSocket is, rather than that it is away or does not let the gateway in. */
function isWithoutSockets(error: unknown): boolean {
  if (!(error instanceof AegisError) || !(error.cause instanceof UpgradeRefused)) return false;
  const { status } = error.cause;
  return status < 500 ? ![401, 403, 407, 429].includes(status) : status === 501;
}
