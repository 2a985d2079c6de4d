/** What the page asks of the event log. Each of these is checked against the schema by a test. */

const FACT = `fragment Fact on PlatformEvent { id type source subject time data device { id name } }`;

export const EVENTS = `query Events($filter: EventFilter) {
  events(first: 30, filter: $filter) { edges { node { ...Fact } } feedCursor }
} ${FACT}`;

export const EVENT_FEED = `subscription EventFeed($filter: EventFilter, $after: String) {
  eventFeed(filter: $filter, after: $after) { cursor gap event { ...Fact } }
} ${FACT}`;

export const METRICS_AROUND = `query MetricsAround($eventId: ID!) {
  metricsAround(eventId: $eventId, beforeMs: 60000, afterMs: 60000) {
    changes { metric before { mean } after { mean } difference robustZ }
  }
}`;

/** One fact of the log. */
export interface Fact {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly subject: string | null;
  readonly time: string;
  readonly data: unknown;
  readonly device: { readonly id: string; readonly name: string } | null;
}

/** The answer to {@link METRICS_AROUND}. */
export interface MetricsAroundAnswer {
  readonly metricsAround: {
    readonly changes: readonly {
      readonly metric: string;
      readonly before: { readonly mean: number } | null;
      readonly after: { readonly mean: number } | null;
      readonly difference: number | null;
      readonly robustZ: number | null;
    }[];
  } | null;
}
