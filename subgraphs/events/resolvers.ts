import { decodeCursor, encodeCursor } from '../../kernel/events/cursor.js';
import { meetsCondition, type CloudEvent, type EventLog } from '../../kernel/events/event-log.js';
import { cursorAtEnd, openFactStream, type FactDelivery } from '../../kernel/events/fact-stream.js';
import type { LiveBus } from '../../kernel/events/live-bus.js';
import { checkPageSize, toConnection } from '../../kernel/graphql/connection.js';
import type { Context } from './context.js';
import { checkEventFilter } from './filter.js';
import type { QueryEventsArgs, Resolvers } from './generated/schema-types.js';
import type { DeviceModel, PlatformEventConnectionModel } from './models.js';

export interface ResolverDeps {
  readonly log: EventLog;
  readonly bus: LiveBus;
}

/** Name the places of lists and of the feed: one is no place in the other. */
const LIST_CURSOR = 'evl';
const FEED_CURSOR = 'evf';
const DEVICE_ID = /^dev_[0-9a-f]{32}$/;

/** GraphQL in, GraphQL out. */
export function createResolvers({ log, bus }: ResolverDeps) {
  return {
    Query: {
      events: (_parent, args, context) => listEvents(log, args, context),
      event: async (_parent, { id }, { events }) => (await events.load(id)) ?? null,
    },
    Subscription: {
      eventFeed: {
        subscribe: (_parent, { filter, after }, { principal }) => {
          const { types, subjects } = checkEventFilter(filter ?? {});
          return openFactStream(
            { log, bus },
            {
              workspace: principal.workspace,
              kind: FEED_CURSOR,
              passes: (event) => meetsCondition(event, { types, subjects }),
              after: after ?? undefined,
            },
          );
        },
        resolve: (delivery: FactDelivery) => delivery,
      },
    },
    PlatformEvent: {
      __resolveReference: async ({ id }, { events }) => (await events.load(id)) ?? null,
      subject: ({ subject }) => subject ?? null,
      traceparent: ({ traceparent }) => traceparent ?? null,
      sequence: ({ sequence }) => String(sequence),
      device: findDevice,
    },
    Device: {
      facts: async ({ id }, { first }, { facts }) => [
        ...(await facts.load({ subject: id, first: checkPageSize(first) })),
      ],
    },
  } satisfies Resolvers;
}

async function listEvents(
  log: EventLog,
  { first: wanted, after, filter, orderBy }: QueryEventsArgs,
  { principal }: Context,
): Promise<PlatformEventConnectionModel> {
  const first = checkPageSize(wanted ?? 20);
  const feedCursor = await cursorAtEnd(log, principal.workspace, FEED_CURSOR);
  const rows = await log.list(principal.workspace, {
    limit: first + 1,
    newestFirst: orderBy !== 'OLDEST_FIRST',
    behind: after == null ? undefined : decodeCursor(LIST_CURSOR, after),
    where: checkEventFilter(filter ?? {}),
  });
  const page = toConnection(rows, {
    first,
    after: after != null,
    cursorOf: ({ sequence }) => encodeCursor(LIST_CURSOR, sequence),
  });
  return { ...page, feedCursor };
}

/** The device that a fact is about. Whether it is still there is for its owner to say. */
function findDevice({ subject, data }: CloudEvent): DeviceModel | null {
  const named = typeof data === 'object' && data !== null && 'deviceId' in data ? data.deviceId : subject;
  return typeof named === 'string' && DEVICE_ID.test(named) ? { id: named } : null;
}
