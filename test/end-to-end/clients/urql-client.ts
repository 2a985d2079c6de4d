import { cacheExchange, Client, fetchExchange, subscriptionExchange, type ExecutionResult } from '@urql/core';
import { createClient } from 'graphql-ws';

/** Queries and mutations go over HTTP, subscriptions over one WebSocket, both to one address. */
export function createUrqlClient(url = 'http://localhost:4000/graphql', apiKey?: string): Client {
  const headers: Record<string, string> = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  const socket = createClient({ url: url.replace(/^http/, 'ws'), connectionParams: headers });
  const subscriptions = subscriptionExchange({
    forwardSubscription: ({ query = '', variables }) => ({
      subscribe: (sink) => ({
        unsubscribe: socket.subscribe(
          { query, variables },
          { ...sink, next: (result) => sink.next(result as ExecutionResult) },
        ),
      }),
    }),
  });
  return new Client({
    url,
    fetchOptions: { headers },
    // By default urql asks by GET, which any web page could have a browser send: Aegis answers 400 to that.
    preferGetMethod: false,
    exchanges: [cacheExchange, fetchExchange, subscriptions],
  });
}
