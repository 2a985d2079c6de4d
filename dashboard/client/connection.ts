import { createClient, type Client } from 'graphql-ws';
import { followStream, type FollowOptions, type Resumable } from './follow-stream.js';
import { createRetryClock } from './retry-clock.js';
import { createStore, type Store } from './store.js';

/** How the page stands with the server. */
export type ConnectionState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'connected' }
  /** `since`: when the connection was lost, in milliseconds since 1970. */
  | { readonly kind: 'disconnected'; readonly since: number; readonly reason: string }
  /** The server asks for a key, or does not take the one that it was given. */
  | { readonly kind: 'refused'; readonly reason: string };

export type Variables = Readonly<Record<string, unknown>>;

/** An answer with errors, or none at all. */
class QueryFailed extends Error {
  override readonly name = 'QueryFailed';
}

/** The way to the server: queries over HTTP, streams over one socket that they share. */
export interface Connection {
  readonly state: Store<ConnectionState>;
  /** Errors: one that says what went wrong. */
  query<T>(document: string, variables?: Variables, signal?: AbortSignal): Promise<T>;
  /** Follows a stream until the returned function is called: behind the last event that was seen after each cut. */
  follow<T extends Resumable>(options: FollowOptions<T>): () => void;
  /** Presents another key from now on; undefined none. */
  setKey(key: string | undefined): void;
}

/** How often the socket is asked whether the server is still there, and how long its answer may take, in milliseconds. */
const PING_MS = 10_000;
const PONG_DEADLINE_MS = 5_000;
/** Close codes of graphql-ws, and ours, that say that the client is not let in. Source: graphql-ws, PROTOCOL.md. */
const REFUSED = new Set([4_401, 4_403]);

/** Opens the way to a GraphQL endpoint. `key` is presented as a bearer token. */
export function createConnection(endpoint: URL, initialKey: string | undefined): Connection {
  const state = createStore<ConnectionState>({ kind: 'connecting' });
  const clock = createRetryClock();
  let key = initialKey;

  const client = openClient(endpoint, {
    headers: () => authorization(key),
    onConnected() {
      clock.reset();
      state.set({ kind: 'connected' });
    },
    onClosed(event) {
      const before = state.get().kind;
      if (REFUSED.has(event.code)) state.set({ kind: 'refused', reason: event.reason });
      else if (before !== 'disconnected' && before !== 'refused')
        state.set({ kind: 'disconnected', since: Date.now(), reason: describeClose(event) });
    },
  });
  addEventListener('online', () => {
    clock.now();
  });
  addEventListener('offline', () => {
    client.terminate();
    state.set({ kind: 'disconnected', since: Date.now(), reason: 'this device has no network' });
  });

  return {
    state,
    query: (document, variables, signal) => post(endpoint, { document, variables, key, signal }),
    follow: (options) => followStream(client, clock, options),
    setKey(next) {
      key = next;
      state.set({ kind: 'connecting' });
      client.terminate();
      clock.reset();
      clock.now();
    },
  };
}

interface ClientHooks {
  readonly headers: () => Record<string, string>;
  readonly onConnected: () => void;
  readonly onClosed: (event: CloseEvent) => void;
}

function openClient(endpoint: URL, { headers, onConnected, onClosed }: ClientHooks): Client {
  const url = new URL(endpoint);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  let deadline: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    url: url.href,
    connectionParams: headers,
    // Streams come back by themselves, behind the last event that they have seen.
    retryAttempts: 0,
    keepAlive: PING_MS,
    on: {
      connected: onConnected,
      closed: (event) => {
        clearTimeout(deadline);
        onClosed(event as CloseEvent);
      },
      ping: (received) => {
        if (received) return;
        // A server that has gone without a word is noticed by its silence.
        deadline = setTimeout(() => {
          client.terminate();
        }, PONG_DEADLINE_MS);
      },
      pong: (received) => {
        if (received) clearTimeout(deadline);
      },
    },
  });
  return client;
}

interface Post {
  readonly document: string;
  readonly variables: Variables | undefined;
  readonly key: string | undefined;
  readonly signal: AbortSignal | undefined;
}

async function post<T>(endpoint: URL, { document, variables, key, signal }: Post): Promise<T> {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      accept: 'application/graphql-response+json, application/json;q=0.9',
      'content-type': 'application/json',
      ...authorization(key),
    },
    body: JSON.stringify({ query: document, ...(variables ? { variables } : {}) }),
    ...(signal ? { signal } : {}),
  }).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new QueryFailed('the server could not be reached');
  });
  const body = (await response.json().catch(() => undefined)) as
    { readonly data?: T | null; readonly errors?: readonly { readonly message: string }[] } | undefined;
  const [error] = body?.errors ?? [];
  if (error) throw new QueryFailed(error.message);
  if (body?.data == null) throw new QueryFailed(`the server answered with HTTP ${response.status}`);
  return body.data;
}

function authorization(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}

/** Source: RFC 6455, §7.4.1. */
function describeClose({ code, reason }: CloseEvent): string {
  if (reason) return reason;
  if (code === 1_001 || code === 1_012) return 'the server is restarting';
  return 'the server does not answer';
}
