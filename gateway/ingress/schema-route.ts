import type { FastifyInstance } from 'fastify';
import { printSchema } from 'graphql';
import { mayAskAboutSchema, type AdmissionSettings } from '../access/admission-settings.js';
import { authenticateHeaders } from '../access/authenticate.js';
import type { IdentifyClient } from '../../kernel/graphql/subgraph.js';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Gateway } from '../gateway.js';

export interface SchemaRouteOptions extends Pick<AdmissionSettings, 'introspection'> {
  readonly gateway: Pick<Gateway, 'current'>;
  readonly identify: IdentifyClient;
}

/**
 * Offers the schema that clients see as text at `GET /schema.graphql`, with all of its descriptions: what introspection
 * tells, to whom introspection tells it.
 */
export function offerSchema(
  server: FastifyInstance,
  { gateway, identify, introspection }: SchemaRouteOptions,
): void {
  /** The text of each schema is made once. */
  const texts = new WeakMap<object, string>();
  server.get('/schema.graphql', async ({ headers }, reply) => {
    const principal = await authenticateHeaders(headers, identify);
    if (!mayAskAboutSchema({ introspection }, principal)) {
      throw new AegisError('FORBIDDEN', 'The schema is not told here: introspection is switched off.');
    }
    const { apiSchema } = gateway.current.snapshot;
    const text = texts.get(apiSchema) ?? printSchema(apiSchema);
    texts.set(apiSchema, text);
    return reply
      .headers({ 'cache-control': 'no-cache', vary: 'authorization' })
      .type('text/plain; charset=utf-8')
      .send(text);
  });
}
