import type { GraphQLSchema } from 'graphql';
import { createShopSchemas, SHOP_TYPE_DEFS } from '../../../bench/shop/shop.js';
import { composeSupergraph } from '../../../gateway/supergraph/compose.js';
import { serveSchema, type ServedSchema } from '../../support/served-schema.js';

/** The shop's four subgraphs on ports. */
export interface ServedShop {
  readonly schemas: Readonly<Record<string, GraphQLSchema>>;
  readonly servers: Readonly<Record<string, ServedSchema>>;
  readonly endpoints: readonly { name: string; url: string }[];
  readonly supergraphSdl: string;
  server(name: string): ServedSchema;
  close(): Promise<void>;
}

export async function serveShop(): Promise<ServedShop> {
  const schemas = createShopSchemas();
  const entries = await Promise.all(
    Object.entries(schemas).map(async ([name, schema]) => [name, await serveSchema(schema)] as const),
  );
  const servers: Record<string, ServedSchema> = Object.fromEntries(entries);
  const endpoints = entries.map(([name, { url }]) => ({ name, url }));
  const supergraphSdl = composeSupergraph(
    endpoints.flatMap(({ name, url }) => {
      const typeDefs = SHOP_TYPE_DEFS[name];
      return typeDefs ? [{ name, url, typeDefs }] : [];
    }),
  );
  return {
    schemas,
    servers,
    endpoints,
    supergraphSdl,
    server(name) {
      const server = servers[name];
      if (!server) throw new Error(`the shop has no subgraph ${name}`);
      return server;
    },
    async close() {
      await Promise.all(Object.values(servers).map((server) => server.close()));
    },
  };
}
