/* Subscribes to every reading over graphql-ws, counts what is delivered and tells how long that was under way. */
import { createGraphClient } from '../../test/support/graph-client.js';
import { percentilesOf } from '../support/percentiles.js';
import { serveTasks } from '../support/tasks.js';

/** What was delivered from the first event on. */
export interface Delivered {
  readonly count: number;
  /** From the first delivery to the latest, in milliseconds. */
  readonly spanMs: number;
  /** Processor time of this process so far, in milliseconds. */
  readonly cpuMs: number;
  /**
   * From the time that a reading bears to its delivery, of those since {@link ReadingSubscriberTasks.clock}, in whole
   * milliseconds; not a number without any.
   */
  readonly delayP50: number;
  readonly delayP99: number;
}

export type ReadingSubscriberTasks = {
  readonly subscribe: (options: { readonly url: string }) => boolean;
  /** Begins to note how long readings were under way: their publisher stamps them with its time. */
  readonly clock: (none: null) => boolean;
  readonly tell: (none: null) => Delivered;
};

const SUBSCRIPTION = 'subscription { deviceReadings { cursor reading { metric value unit measuredAt } } }';

const state = { count: 0, firstAt: 0, latestAt: 0, delays: undefined as number[] | undefined };

interface ReadingEvent {
  readonly deviceReadings: { readonly reading: { readonly measuredAt: string } };
}

async function countEvents(url: string): Promise<void> {
  const events = createGraphClient({ url, apiKey: undefined }).subscribe<ReadingEvent>(SUBSCRIPTION);
  for (let event = await events.next(); !event.done; event = await events.next()) {
    state.latestAt = performance.now();
    if (state.count === 0) state.firstAt = state.latestAt;
    state.count += 1;
    state.delays?.push(Date.now() - Date.parse(event.value.deviceReadings.reading.measuredAt));
  }
  throw new Error('the stream ended');
}

serveTasks({
  subscribe({ url }) {
    countEvents(url).catch((error: unknown) => {
      process.stderr.write(`the subscriber ended: ${String(error)}\n`);
      process.exit(1);
    });
    return true;
  },
  clock() {
    state.delays = [];
    return true;
  },
  tell() {
    const { user, system } = process.cpuUsage();
    const { count, firstAt, latestAt, delays = [] } = state;
    const { p50: delayP50, p99: delayP99 } = percentilesOf(delays);
    return { count, spanMs: latestAt - firstAt, cpuMs: (user + system) / 1_000, delayP50, delayP99 };
  },
} satisfies ReadingSubscriberTasks);
