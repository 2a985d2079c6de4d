/* The twenty subgraphs of wide-graph.ts in one process. What a field holds follows from its type: there is no data. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { buildSubgraphSchema } from '@apollo/subgraph';
import {
  execute,
  getNamedType,
  getNullableType,
  isListType,
  isObjectType,
  parse,
  type DocumentNode,
  type GraphQLFieldResolver,
} from 'graphql';
import { describeWideSubgraphs } from '../wide/wide-graph.js';
import { serveTasks } from '../support/tasks.js';

export type WideSubgraphTasks = {
  /** Begins to answer at `/<name>` of the URL that it tells. */
  readonly serve: (options: null) => Promise<string>;
};

const schemas = new Map(
  [...describeWideSubgraphs()].map(([name, sdl]) => [name, buildSubgraphSchema([{ typeDefs: parse(sdl) }])]),
);
/** The texts of fetches, each parsed once. */
const documents = new Map<string, DocumentNode>();

const invent: GraphQLFieldResolver<Record<string, unknown>, unknown, { id?: string; first?: number }> = (
  source,
  args,
  _context,
  info,
) => {
  const { fieldName, returnType } = info;
  const known = (source as Record<string, unknown> | undefined)?.[fieldName];
  if (known !== undefined) return known;
  const named = getNamedType(returnType);
  if (isObjectType(named)) {
    const one = (index: number) => ({ __typename: named.name, id: args.id ?? String(index) });
    if (!isListType(getNullableType(returnType))) return one(1);
    return Array.from({ length: args.first ?? 2 }, (_, index) => one(index + 1));
  }
  return named.name === 'String' || named.name === 'ID' ? `${info.parentType.name}.${fieldName}` : 7;
};

async function answer(name: string, body: string): Promise<string> {
  const schema = schemas.get(name);
  if (!schema) throw new Error(`there is no subgraph ${name}`);
  const { query, variables } = JSON.parse(body) as { query: string; variables?: Record<string, unknown> };
  const document = documents.get(query) ?? parse(query, { noLocation: true });
  documents.set(query, document);
  const result = await execute({
    schema,
    document,
    variableValues: variables ?? {},
    fieldResolver: invent as GraphQLFieldResolver<unknown, unknown>,
  });
  return JSON.stringify(result);
}

serveTasks({
  async serve() {
    const server = createServer((request, response) => {
      void text(request)
        .then((body) => answer(request.url?.slice(1) ?? '', body))
        .then((json) => {
          response.writeHead(200, { 'content-type': 'application/json' }).end(json);
        });
    }).listen(0, '127.0.0.1');
    server.keepAliveTimeout = 60_000;
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
} satisfies WideSubgraphTasks);
