import { REQUEST_KIND, type GraphQLDataSource, type ServiceEndpointDefinition } from './data-source.js';
import { createHttpDataSource } from './http-data-source.js';

/** The data sources of the subgraphs. */
export interface DataSources {
  /** The one of a subgraph: the same as long as its address is the same. Errors: those of whoever makes it. */
  get(definition: ServiceEndpointDefinition): GraphQLDataSource;
  /**
   * Asks subgraphs whether they answer, each with a new data source, so that nothing is kept of one that is not taken.
   *
   * Errors: when one does not answer, or with an error.
   */
  check(definitions: readonly ServiceEndpointDefinition[]): Promise<void>;
}

export interface DataSourcesOptions {
  readonly buildService?: ((definition: ServiceEndpointDefinition) => GraphQLDataSource) | undefined;
  /** How long a request to a subgraph may take without `buildService`, in milliseconds. */
  readonly timeoutMs: number;
}

const HEALTH_CHECK_QUERY = 'query __ApolloServiceHealthCheck__ { __typename }';

/** None has been made yet. */
export function createDataSources({ buildService, timeoutMs }: DataSourcesOptions): DataSources {
  const made = new Map<
    string,
    { readonly url: string | undefined; readonly dataSource: GraphQLDataSource }
  >();
  const make = (definition: ServiceEndpointDefinition) =>
    buildService?.(definition) ?? createHttpDataSource({ definition, timeoutMs });

  return {
    get({ name, url }) {
      const known = made.get(name);
      if (known && known.url === url) return known.dataSource;
      const dataSource = make(url === undefined ? { name } : { name, url });
      made.set(name, { url, dataSource });
      return dataSource;
    },
    async check(definitions) {
      await Promise.all(definitions.map((definition) => checkOne(definition.name, make(definition))));
    },
  };
}

async function checkOne(name: string, dataSource: GraphQLDataSource): Promise<void> {
  try {
    await dataSource.process({
      kind: REQUEST_KIND.healthCheck,
      request: { query: HEALTH_CHECK_QUERY },
      context: {},
    });
  } catch (error) {
    throw new Error(`[${name}]: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
