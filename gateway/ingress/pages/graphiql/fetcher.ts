import type { GraphiQLProps } from 'graphiql';
import {
  getOperationAST,
  GraphQLError,
  OperationTypeNode,
  parse,
  type ExecutionResult,
  type OperationDefinitionNode,
} from 'graphql';
import { createClient } from 'graphql-ws';

type Fetcher = GraphiQLProps['fetcher'];
type Headers = Readonly<Record<string, unknown>>;

interface Operation {
  readonly query: string;
  readonly operationName?: string | null;
  readonly variables?: Record<string, unknown>;
}

/**
 * Runs what the editor holds: queries and mutations by HTTP POST, subscriptions by graphql-ws at the same address.
 *
 * The headers editor's content becomes the request's headers, or the socket's connection parameters. Each subscription
 * has a socket of its own, so that it always speaks with the headers that stood in the editor when it was started.
 */
export function createFetcher(endpoint: URL): Fetcher {
  return (params, options) => {
    const { query, operationName, variables } = params as Operation;
    const chosen = findOperation(query, operationName);
    const operation: Operation = {
      query,
      ...(chosen?.name ? { operationName: chosen.name.value } : {}),
      ...(variables === undefined ? {} : { variables }),
    };
    const headers: Headers = options?.headers ?? {};
    return chosen?.operation === OperationTypeNode.SUBSCRIPTION
      ? subscribe(endpoint, operation, headers)
      : post(endpoint, operation, headers);
  };
}

/**
 * The operation that is meant; undefined when the text does not tell which. What the editor knows of its text, its parsed
 * document and the name of the operation, may for a moment after a change of tabs still be that of the tab before.
 */
function findOperation(
  query: string,
  operationName: string | null | undefined,
): OperationDefinitionNode | null | undefined {
  const document = parse(query);
  return getOperationAST(document, operationName) ?? getOperationAST(document);
}

async function post(endpoint: URL, operation: Operation, headers: Headers): Promise<ExecutionResult> {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      accept: 'application/graphql-response+json, application/json;q=0.9',
      'content-type': 'application/json',
      ...asText(headers),
    },
    body: JSON.stringify(operation),
  });
  const text = await response.text();
  try {
    return JSON.parse(text) as ExecutionResult;
  } catch {
    return failure(
      `Expected JSON, but got HTTP ${response.status} ${response.statusText}: ${text.slice(0, 500)}`,
    );
  }
}

async function* subscribe(
  endpoint: URL,
  operation: Operation,
  headers: Headers,
): AsyncGenerator<ExecutionResult> {
  const url = new URL(endpoint);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  // A lost stream is shown, not silently begun anew: the events in between would be missing without a word.
  const client = createClient({ url: url.href, connectionParams: { ...headers }, retryAttempts: 0 });
  try {
    yield* client.iterate(operation) as AsyncGenerator<ExecutionResult>;
  } catch (error) {
    if (!(error instanceof Event)) throw error;
    yield failure(describeClosing(error));
  } finally {
    void client.dispose();
  }
}

/** Sockets fail with an event that prints as `{}`; this tells what it holds. */
function describeClosing(event: Event): string {
  if (!(event instanceof CloseEvent)) return 'The socket could not be opened. Is the server running?';
  const reason = event.reason === '' ? 'no reason given' : event.reason;
  return `The socket was closed: ${event.code}, ${reason}. Run the subscription again to go on.`;
}

/** A failure in the shape of a response, so that the editor shows its text and nothing else. */
function failure(message: string): ExecutionResult {
  return { errors: [new GraphQLError(message)] };
}

function asText(headers: Headers): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
