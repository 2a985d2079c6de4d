import { describe, expect, it } from '@jest/globals';
import { createFairQueue } from '../../../../subgraphs/devices/codecs/jsonata/fair-queue.js';

/** A queue in which each item of a lane takes as long as the test says. */
function open(costs: Readonly<Record<string, number>>, bounds = { capacity: 100, laneCapacity: 50 }) {
  const queue = createFairQueue<number>(bounds);
  return {
    queue,
    add: (lane: string, count: number) => {
      for (let item = 0; item < count; item += 1) queue.add(lane, item);
    },
    takeAll(most = Infinity) {
      const taken: string[] = [];
      while (taken.length < most) {
        const next = queue.take();
        if (!next) break;
        taken.push(next.lane);
        queue.charge(next.lane, costs[next.lane] ?? 0);
      }
      return taken.join('');
    },
  };
}

describe('a fair queue', () => {
  it('gives each lane the same time, not the same number', () => {
    const { add, takeAll } = open({ s: 4, f: 1 });
    add('s', 3);
    add('f', 10);
    expect(takeAll()).toBe('sffffsffffsff');
  });

  it('keeps the order of a lane', () => {
    const { queue, add } = open({});
    add('a', 3);
    expect([queue.take(), queue.take(), queue.take(), queue.take()].map((one) => one?.item)).toEqual([
      ...[0, 1, 2],
      undefined,
    ]);
  });

  it('lets nobody save up time that was not wanted', () => {
    const { add, takeAll } = open({ f: 1, n: 1 });
    add('f', 10);
    expect(takeAll(6)).toBe('ffffff');
    add('n', 3);
    expect(takeAll()).toBe('nfnfnff');
  });

  it('does not forget what a lane has used when it is empty for a while', () => {
    const { add, takeAll } = open({ s: 4, f: 1 });
    add('s', 1);
    add('f', 20);
    expect(takeAll(3)).toBe('sff');
    add('s', 1);
    expect(takeAll(4)).toBe('ffsf');
  });

  it('refuses more than may wait, in a lane and in all', () => {
    const { queue } = open({}, { capacity: 3, laneCapacity: 2 });
    expect([queue.add('a', 1), queue.add('a', 2), queue.add('a', 3)]).toEqual([true, true, false]);
    expect([queue.add('b', 1), queue.add('b', 2)]).toEqual([true, false]);
    expect(queue.clear()).toEqual([1, 2, 1]);
    expect(queue.take()).toBeUndefined();
    expect(queue.add('a', 3)).toBe(true);
  });
});
