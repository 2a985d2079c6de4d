import DataLoader from 'dataloader';
import type { CloudEvent, EventLog } from '../../kernel/events/event-log.js';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';

/** How many of the newest facts about one thing. */
export interface FactsKey {
  readonly subject: string;
  readonly first: number;
}

/** What the resolvers of one request share. */
export interface Context extends RequestContext {
  /** Facts by id; undefined where there is none. */
  readonly events: DataLoader<string, CloudEvent | undefined>;
  /** The newest facts about things, newest first. */
  readonly facts: DataLoader<FactsKey, readonly CloudEvent[], string>;
}

/** Makes the context of one request, or of one event of a stream. */
export function createContext(log: EventLog, request: RequestContext): Context {
  const { workspace } = request.principal;
  return {
    ...request,
    events: new DataLoader(async (ids) => {
      const byId = new Map((await log.findByIds(workspace, ids)).map((event) => [event.id, event]));
      return ids.map((id) => byId.get(id));
    }),
    facts: new DataLoader<FactsKey, readonly CloudEvent[], string>(
      async (keys) => {
        const first = Math.max(...keys.map((key) => key.first));
        const subjects = [...new Set(keys.map(({ subject }) => subject))];
        const found = await log.listNewestOf(workspace, subjects, first);
        return keys.map((key) => (found.get(key.subject) ?? []).slice(0, key.first));
      },
      { cacheKeyFn: ({ subject, first }) => `${first} ${subject}` },
    ),
  };
}
