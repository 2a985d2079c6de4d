import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  resume,
  type Delivery,
  type ResumableSource,
  type Sequenced,
} from '../../../kernel/events/resumable-stream.js';
import { createInterleaver } from '../../support/interleaver.js';
import { waitFor } from '../../support/wait-for.js';

type Listener = Parameters<ResumableSource<Sequenced>['listen']>[0];

/** A durable table and its announcements, all of whose answers come when `pause` lets them. */
class FakeTable implements ResumableSource<Sequenced> {
  readonly committed: bigint[] = [];
  #rows: bigint[] = [];
  #pruned = 0n;
  readonly #listeners = new Set<Listener>();
  readonly #pause: () => Promise<void>;

  constructor(pause: () => Promise<void> = () => Promise.resolve()) {
    this.#pause = pause;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Commits the next items, whose sequences need not be dense; the returned function announces them. */
  commit(steps: readonly number[]): () => void {
    const items = steps.map((step) => {
      const sequence = (this.committed.at(-1) ?? 0n) + BigInt(step);
      this.committed.push(sequence);
      this.#rows.push(sequence);
      return { sequence };
    });
    return () => {
      for (const listener of this.#listeners) listener.onItems(items);
    };
  }

  lose(): void {
    for (const listener of this.#listeners) listener.onLost();
  }

  /** Retention: removes all but the newest items. */
  prune(keep: number): void {
    const removed = this.#rows.splice(0, Math.max(0, this.#rows.length - keep));
    this.#pruned = removed.at(-1) ?? this.#pruned;
  }

  async listen(listener: Listener): Promise<() => void> {
    await this.#pause();
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async readAfter(sequence: bigint, limit: number): Promise<readonly Sequenced[]> {
    await this.#pause();
    const page = this.#rows.filter((row) => row > sequence).slice(0, limit);
    await this.#pause();
    return page.map((row) => ({ sequence: row }));
  }

  async newestSequence(): Promise<bigint> {
    await this.#pause();
    return this.#rows.at(-1) ?? 0n;
  }

  async prunedSequence(): Promise<bigint> {
    await this.#pause();
    return this.#pruned;
  }
}

/** Reads a stream to its end into a list. */
async function collect(
  batches: AsyncIterable<readonly Delivery<Sequenced>[]>,
  into: Delivery<Sequenced>[],
  pause: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  for await (const batch of batches) {
    into.push(...batch);
    await pause();
  }
}

type Action =
  | { readonly kind: 'commit'; readonly steps: readonly number[]; readonly lost: boolean }
  | { readonly kind: 'prune'; readonly keep: number }
  | { readonly kind: 'lose' };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      steps: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 5 }),
      lost: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('prune' as const), keep: fc.integer({ min: 0, max: 6 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose' as const) }) },
);

/** What a delivery skipped: items that were committed between the one before and it. */
function missingBefore(
  index: number,
  start: bigint,
  deliveries: readonly Delivery<Sequenced>[],
  table: FakeTable,
) {
  const before = deliveries[index - 1]?.item.sequence ?? start;
  const here = deliveries[index]?.item.sequence ?? start;
  return table.committed.filter((sequence) => sequence > before && sequence < here);
}

describe('a resumable stream', () => {
  it('delivers each item once and in order, and flags a gap exactly where items are missing, however things interleave', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          choices: fc.array(fc.nat(5), { minLength: 1, maxLength: 50 }),
          history: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 8 }),
          seen: fc.nat(8),
          actions: fc.array(action, { maxLength: 12 }),
          pageSize: fc.integer({ min: 1, max: 4 }),
          capacity: fc.integer({ min: 1, max: 3 }),
        }),
        async ({ choices, history, seen, actions, pageSize, capacity }) => {
          const { pause, runUntil } = createInterleaver(choices);
          const table = new FakeTable(pause);
          table.commit(history);
          const start = table.committed[Math.min(seen, table.committed.length) - 1] ?? 0n;
          const ending = new AbortController();
          const deliveries: Delivery<Sequenced>[] = [];
          const stream = resume(table, { after: start, signal: ending.signal, pageSize, capacity });
          const reading = track(collect(stream, deliveries, pause));
          const acting = track(actInTurn(table, actions, pause));
          await runUntil('all has happened', () => acting.ended && table.listeners === 1);
          table.commit([1])();
          const last = table.committed.at(-1);
          await runUntil('the last item was delivered', () => deliveries.at(-1)?.item.sequence === last);
          ending.abort();
          await runUntil('the stream has ended', () => reading.ended);

          const sequences = deliveries.map(({ item }) => item.sequence);
          expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => (a < b ? -1 : 1)));
          for (const [index, { gap }] of deliveries.entries()) {
            expect({ index, gap }).toEqual({
              index,
              gap: missingBefore(index, start, deliveries, table).length > 0,
            });
          }
          expect(table.listeners).toBe(0);
        },
      ),
      { numRuns: 1_000 },
    );
  }, 60_000);

  async function actInTurn(
    table: FakeTable,
    actions: readonly Action[],
    pause: () => Promise<void>,
  ): Promise<void> {
    for (const one of actions) {
      await pause();
      if (one.kind === 'prune') table.prune(one.keep);
      else if (one.kind === 'lose') table.lose();
      else await commitAndAnnounce(table, one, pause);
    }
  }

  /** What is announced was committed some time before; an announcement that is lost is made known. */
  async function commitAndAnnounce(
    table: FakeTable,
    { steps, lost }: { readonly steps: readonly number[]; readonly lost: boolean },
    pause: () => Promise<void>,
  ): Promise<void> {
    const announce = table.commit(steps);
    await pause();
    if (lost) table.lose();
    else announce();
  }

  function track(work: Promise<void>): { ended: boolean } {
    const state = { ended: false };
    void work.then(() => {
      state.ended = true;
    });
    return state;
  }

  /** Opens a stream over a table whose answers come at once. */
  function openStream(table: FakeTable, after?: bigint) {
    const ending = new AbortController();
    const deliveries: Delivery<Sequenced>[] = [];
    const stream = resume(table, { ...(after === undefined ? {} : { after }), signal: ending.signal });
    const reading = collect(stream, deliveries);
    return {
      async waitForItems(count: number) {
        await waitFor(`${count} items were delivered`, () => deliveries.length >= count);
        return deliveries.map(({ item, gap }) => [Number(item.sequence), gap]);
      },
      async close() {
        ending.abort();
        await reading;
      },
    };
  }

  it('begins with the next item when it is given no place', async () => {
    const table = new FakeTable();
    table.commit([1, 1]);
    const stream = openStream(table);
    await waitFor('the stream listens', () => table.listeners === 1);
    await new Promise(setImmediate);
    table.commit([1])();
    expect(await stream.waitForItems(1)).toEqual([[3, false]]);
    await stream.close();
  });

  it('flags no gap for a reader without a place, though retention has removed everything', async () => {
    const table = new FakeTable();
    table.commit([1, 1]);
    table.prune(0);
    const stream = openStream(table);
    await waitFor('the stream listens', () => table.listeners === 1);
    await new Promise(setImmediate);
    table.commit([1])();
    expect(await stream.waitForItems(1)).toEqual([[3, false]]);
    await stream.close();
  });

  it('flags the gap on the next item to come, when retention has left none behind the place', async () => {
    const table = new FakeTable();
    table.commit([1, 1, 1]);
    table.prune(0);
    const stream = openStream(table, 1n);
    await waitFor('the stream listens', () => table.listeners === 1);
    await new Promise(setImmediate);
    table.commit([1, 1])();
    expect(await stream.waitForItems(2)).toEqual([
      [4, true],
      [5, false],
    ]);
    await stream.close();
  });

  it('flags a gap and goes on from the newest item when the place is of a storage that has begun anew', async () => {
    const table = new FakeTable();
    table.commit([1, 1]);
    const stream = openStream(table, 1_000n);
    await waitFor('the stream listens', () => table.listeners === 1);
    await new Promise(setImmediate);
    table.commit([1])();
    expect(await stream.waitForItems(1)).toEqual([[3, true]]);
    await stream.close();
  });

  it('stops listening when it cannot read', async () => {
    const table = new FakeTable();
    const broken: ResumableSource<Sequenced> = {
      listen: (listener) => table.listen(listener),
      readAfter: () => Promise.reject(new Error('the disk is gone')),
      newestSequence: () => table.newestSequence(),
      prunedSequence: () => table.prunedSequence(),
    };
    const stream = resume(broken, { after: 0n, signal: new AbortController().signal });
    await expect(stream.next()).rejects.toThrow('the disk is gone');
    expect(table.listeners).toBe(0);
  });

  it('delivers nothing when it was ended before it began', async () => {
    const table = new FakeTable();
    table.commit([1]);
    const stream = resume(table, { after: 0n, signal: AbortSignal.abort() });
    expect(await stream.next()).toMatchObject({ done: true });
    expect(table.listeners).toBe(0);
  });
});
