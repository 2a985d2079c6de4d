import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GraphQLSchema } from 'graphql';
import { createHandler } from 'graphql-http/lib/use/http';

/** A schema on a port, by the reference implementation of GraphQL over HTTP. */
export interface ServedSchema {
  readonly url: string;
  /** Of each request, first to last. */
  readonly requests: readonly IncomingHttpHeaders[];
  /** Is executed from now on. */
  schema: GraphQLSchema;
  /** Goes with each answer. */
  headers: Readonly<Record<string, string>>;
  /** Answers in its place, when it is set. */
  fault: ((response: ServerResponse) => void) | undefined;
  close(): Promise<void>;
}

export async function serveSchema(schema: GraphQLSchema): Promise<ServedSchema> {
  const requests: IncomingHttpHeaders[] = [];
  const handle = createHandler({ schema: () => served.schema });
  const server = createServer((request, response) => {
    requests.push(request.headers);
    for (const [name, value] of Object.entries(served.headers)) response.setHeader(name, value);
    if (served.fault) served.fault(response);
    else void handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const served: ServedSchema = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
    requests,
    schema,
    headers: {},
    fault: undefined,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return served;
}
