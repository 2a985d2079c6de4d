import type { EventLog } from '../../../kernel/events/event-log.js';
import type { Resolvers } from '../generated/schema-types.js';
import { readHistory } from '../history/metric-history.js';
import { readSurroundings } from '../history/metrics-around.js';
import type { NetworkOf } from '../network.js';

export interface HistoryResolverDeps {
  readonly networkOf: NetworkOf;
  readonly log: EventLog;
  readonly now: () => Date;
}

/** Fields of the numbers' past. */
export function createHistoryResolvers({ networkOf, log, now }: HistoryResolverDeps) {
  return {
    Query: {
      metricHistory: (_query, { range: { from, to }, step }, { principal }) =>
        readHistory(networkOf(principal.workspace).rollups, { from, to: to ?? now(), step }),
      metricsAround: async (_query, { eventId, beforeMs, afterMs }, { principal }) => {
        const [event] = await log.findByIds(principal.workspace, [eventId]);
        if (!event) return null;
        const surroundings = await readSurroundings(networkOf(principal.workspace), {
          at: event.time,
          ...{ beforeMs, afterMs },
        });
        return { eventId, ...surroundings };
      },
    },
    MetricsAround: {
      event: ({ eventId }) => ({ id: eventId }),
    },
  } satisfies Resolvers;
}
