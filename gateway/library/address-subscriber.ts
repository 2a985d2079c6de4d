import { AegisError } from '../../kernel/errors/aegis-error.js';
import { chooseSubscriber } from '../transports/choose-subscriber.js';
import type { SubgraphSubscriber, SubgraphSubscriberOptions } from '../transports/subgraph-subscriber.js';

/**
 * Subscribes at the address that the supergraph has for a subgraph, whose fetches may go somewhere else. Opens nothing
 * before the first subscription: a subgraph without an address may still be asked for everything else.
 */
export function createAddressSubscriber(options: SubgraphSubscriberOptions): SubgraphSubscriber {
  const { subgraph, url } = options;
  let subscriber: SubgraphSubscriber | undefined;
  return {
    async subscribe(request) {
      if (/^https?:/.test(url)) return (subscriber ??= chooseSubscriber(options)).subscribe(request);
      throw new AegisError(
        'UPSTREAM_FAILED',
        `subgraph ${subgraph}: expected an address such as http://host:4001/graphql in the supergraph to subscribe at, got "${url}".`,
      );
    },
    close: async () => subscriber?.close(),
  };
}
