import { ApolloServer, type ApolloServerOptionsWithGateway, type BaseContext } from '@apollo/server';
import { ApolloServerPluginUsageReportingDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import type { GatewayInterface } from '@apollo/server-gateway-interface';
import type { IncomingMessage } from 'node:http';

/** Somebody's Apollo Server on a port, with a gateway in it. */
export interface ApolloApp {
  readonly url: string;
  readonly server: ApolloServer;
  /** Sends an operation over HTTP. */
  ask(query: string, options?: AskOptions): Promise<AppAnswer>;
  stop(): Promise<void>;
}

export interface AskOptions {
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
  readonly headers?: Record<string, string>;
}

export interface AppAnswer {
  readonly status: number;
  readonly headers: Headers;
  // The shape is what the tests look at.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly json: any;
}

export interface ApolloAppOptions extends Pick<
  ApolloServerOptionsWithGateway<BaseContext>,
  'plugins' | 'formatError'
> {
  readonly context?: (request: IncomingMessage) => BaseContext;
}

export async function startApolloApp(
  gateway: GatewayInterface,
  { context = () => ({}), plugins = [], formatError }: ApolloAppOptions = {},
): Promise<ApolloApp> {
  const server = new ApolloServer({
    gateway,
    plugins: [ApolloServerPluginUsageReportingDisabled(), ...plugins],
    ...(formatError && { formatError }),
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  const { url } = await startStandaloneServer(server, {
    listen: { port: 0, host: '127.0.0.1' },
    context: ({ req }) => Promise.resolve(context(req)),
  });
  return {
    url,
    server,
    async ask(query, { headers = {}, ...rest } = {}) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query, ...rest }),
      });
      return { status: response.status, headers: response.headers, json: await response.json() };
    },
    stop: () => server.stop(),
  };
}
