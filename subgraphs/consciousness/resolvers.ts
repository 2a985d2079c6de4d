import type { Database } from '../../kernel/database/database.js';
import type { EventLog } from '../../kernel/events/event-log.js';
import { mergeResolvers } from '../../kernel/graphql/merge-resolvers.js';
import type { Context } from './context.js';
import type { NetworkGraph } from './graph/network-graph.js';
import type { NetworkOf } from './network.js';
import { createHistoryResolvers } from './resolvers/history.js';
import { createMeasurementResolvers } from './resolvers/measurements.js';
import { createNetworkResolvers } from './resolvers/network.js';
import { createNodeResolvers } from './resolvers/nodes.js';
import { createReportResolvers } from './resolvers/reports.js';
import { createThresholdResolvers } from './resolvers/thresholds.js';

export interface ResolverDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly graph: NetworkGraph;
  readonly networkOf: NetworkOf;
  readonly now: () => Date;
}

/** GraphQL in, GraphQL out: the fields of every noun, each in a file of its own. */
export function createResolvers(deps: ResolverDeps) {
  const { networkOf, graph } = deps;
  const { nodeCount } = graph;
  return mergeResolvers<Context>([
    createNodeResolvers({ ...deps, nodeCount }),
    createMeasurementResolvers({ networkOf, nodeCount }),
    createNetworkResolvers({ networkOf, graph }),
    createHistoryResolvers(deps),
    createThresholdResolvers(networkOf),
    createReportResolvers(networkOf),
  ]);
}
