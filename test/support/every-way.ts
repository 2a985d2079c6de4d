import type { ServedGateway } from './gateway-server.js';
import { openStream } from './stream-reader.js';
import { openSubscriber } from './subscriber.js';

/** The parameters of a GraphQL request, as a client may send them. */
export interface Asked {
  readonly query?: string;
  readonly documentId?: string;
  readonly operationName?: string;
  readonly variables?: Record<string, unknown>;
  readonly extensions?: Record<string, unknown>;
}

/** What came back: the data, and the codes of the errors. */
export interface Told {
  readonly data?: unknown;
  readonly codes?: readonly unknown[];
}

interface Result {
  readonly data?: unknown;
  readonly errors?: readonly { readonly extensions?: { readonly code?: unknown } }[];
}

const JSON_TYPE = { 'content-type': 'application/json' };

function tell({ data, errors }: Result): Told {
  return {
    ...(data === undefined ? {} : { data }),
    ...(errors ? { codes: errors.map(({ extensions }) => extensions?.code) } : {}),
  };
}

async function overWebSocket(served: ServedGateway, asked: Asked, parameters: Record<string, unknown>) {
  const subscriber = await openSubscriber(served.webSocketUrl, parameters);
  // The protocol demands a query.
  subscriber.subscribe({ query: '', ...asked });
  const { type, payload } = await subscriber.untilHeard(({ type: name }) => name !== 'connection_ack');
  subscriber.socket.terminate();
  return tell((type === 'error' ? { errors: payload } : payload) as Result);
}

async function overStream(served: ServedGateway, asked: Asked, headers: Record<string, string>) {
  const url = `${served.url}/graphql`;
  const reader = await openStream(url, { headers: { ...JSON_TYPE, ...headers }, body: asked });
  await reader.untilEnd();
  const [result] = reader.text.startsWith('{') ? [JSON.parse(reader.text) as Result] : reader.events();
  return tell(result as Result);
}

async function overGet(served: ServedGateway, asked: Asked, headers: Record<string, string>) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) {
    parameters.set(name, typeof value === 'string' ? value : JSON.stringify(value));
  }
  const path = `/graphql?${parameters.toString()}`;
  return tell((await served.get(path, { 'apollo-require-preflight': '1', ...headers })).json as Result);
}

/** Sends the same query by every way that there is, each after the other, and says what came back by each. */
export async function askEveryWay(
  served: ServedGateway,
  asked: Asked,
  key?: string,
): Promise<Record<'post' | 'get' | 'webSocket' | 'sse' | 'multipart', Told>> {
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const multipart = 'multipart/mixed;subscriptionSpec="1.0", application/json';
  return {
    post: tell((await served.post(asked, headers)).json as Result),
    get: await overGet(served, asked, headers),
    webSocket: await overWebSocket(served, asked, headers),
    sse: await overStream(served, asked, { ...headers, accept: 'text/event-stream' }),
    multipart: await overStream(served, asked, { ...headers, accept: multipart }),
  };
}

/** The same answer for every way. */
export function byEveryWay(told: Told): Record<string, Told> {
  return { post: told, get: told, webSocket: told, sse: told, multipart: told };
}
