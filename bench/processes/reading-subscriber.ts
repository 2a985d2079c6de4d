/* Subscribes to every reading over graphql-ws and counts what is delivered. */
import { createGraphClient } from '../../test/support/graph-client.js';
import { serveTasks } from '../support/tasks.js';

/** What was delivered from the first event on. */
export interface Delivered {
  readonly count: number;
  /** From the first delivery to the latest, in milliseconds. */
  readonly spanMs: number;
  /** Processor time of this process so far, in milliseconds. */
  readonly cpuMs: number;
}

export type ReadingSubscriberTasks = {
  readonly subscribe: (options: { readonly url: string }) => boolean;
  readonly tell: (none: null) => Delivered;
};

const SUBSCRIPTION = 'subscription { deviceReadings { cursor reading { metric value unit measuredAt } } }';

const state = { count: 0, firstAt: 0, latestAt: 0 };

async function countEvents(url: string): Promise<void> {
  const events = createGraphClient({ url, apiKey: undefined }).subscribe(SUBSCRIPTION);
  for (let event = await events.next(); !event.done; event = await events.next()) {
    state.latestAt = performance.now();
    if (state.count === 0) state.firstAt = state.latestAt;
    state.count += 1;
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
  tell() {
    const { user, system } = process.cpuUsage();
    const { count, firstAt, latestAt } = state;
    return { count, spanMs: latestAt - firstAt, cpuMs: (user + system) / 1_000 };
  },
} satisfies ReadingSubscriberTasks);
