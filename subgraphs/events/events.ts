import type { Subgraph, SubgraphDeps } from '../../kernel/graphql/subgraph.js';
import { withDeadline } from '../../kernel/lifecycle/lifecycle.js';
import type { EventsSettings } from './config.js';
import { createContext, type Context } from './context.js';
import { createResolvers } from './resolvers.js';
import { createEventRetention } from './retention.js';

const DAY_MS = 86_400_000;
const PING_DEADLINE_MS = 2_000;

/** Ties the rooms of the subgraph together. */
export function createEvents(deps: SubgraphDeps, { eventsRetentionDays }: EventsSettings): Subgraph<Context> {
  const { database, log, bus, workspaces, logger } = deps;
  const retention = createEventRetention({
    ...{ log, workspaces, logger },
    retentionMs: eventsRetentionDays * DAY_MS,
  });
  return {
    resolvers: createResolvers({ log, bus }),
    createContext: (request) => createContext(log, request),
    start() {
      retention.start();
      return Promise.resolve();
    },
    close: () => retention.close(),
    async health() {
      try {
        await withDeadline(database.ping(), PING_DEADLINE_MS, 'asking the database');
        return { state: 'UP' };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return { state: 'DOWN', reason: `the database does not answer: ${reason}` };
      }
    },
  };
}
