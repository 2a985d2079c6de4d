import { createClient, type Client } from 'graphql-ws';
import WebSocket from 'ws';
import type { AegisSystem } from './aegis-system.js';

/** A GraphQL response as it came over the wire. */
export interface GraphResponse<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: unknown;
    readonly extensions?: unknown;
  }[];
}

/** A client of the graph over HTTP and graphql-ws. */
export interface GraphClient {
  /** Errors: when the response has errors. */
  query<Data>(query: string, variables?: Record<string, unknown>): Promise<Data>;
  send<Data>(query: string, variables?: Record<string, unknown>): Promise<GraphResponse<Data>>;
  /** Opens a socket of its own for one subscription; ending the iteration closes it. */
  subscribe<Data>(
    query: string,
    variables?: Record<string, unknown>,
  ): AsyncIterableIterator<Data> & { cut(): void };
}

export function createGraphClient({ url, apiKey }: Pick<AegisSystem, 'url' | 'apiKey'>): GraphClient {
  const authorization: Record<string, string> =
    apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };

  async function send<Data>(
    query: string,
    variables: Record<string, unknown> = {},
  ): Promise<GraphResponse<Data>> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...authorization },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as GraphResponse<Data>;
  }

  return {
    send,
    async query<Data>(query: string, variables?: Record<string, unknown>) {
      const { data, errors } = await send<Data>(query, variables);
      if (errors || !data) throw new Error(JSON.stringify(errors ?? 'no data'));
      return data;
    },
    subscribe<Data>(query: string, variables: Record<string, unknown> = {}) {
      const client = createClient({
        url: `${url.replace('http', 'ws')}/graphql`,
        webSocketImpl: WebSocket,
        connectionParams: authorization,
        retryAttempts: 0,
      });
      return readEvents<Data>(client, client.iterate({ query, variables }));
    },
  };
}

type Events = ReturnType<Client['iterate']>;

function readEvents<Data>(client: Client, events: Events) {
  return {
    async next() {
      const result = await events.next();
      if (result.done) return { value: undefined, done: true } as const;
      const { data, errors } = result.value as GraphResponse<Data>;
      if (errors || !data) throw new Error(JSON.stringify(errors ?? 'no data'));
      return { value: data, done: false } as const;
    },
    async return() {
      await events.return?.();
      await client.dispose();
      return { value: undefined, done: true } as const;
    },
    /** Cuts the connection without a word, as a lost network does. */
    cut() {
      client.terminate();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
