/** Those that wait for one worker, in a fair order: whoever has used the least of its time comes next. */
export interface FairQueue<T> {
  /** False when too many wait already, in all or in the lane. */
  add(lane: string, item: T): boolean;
  /** The first of the lane that has used the least; undefined when nobody waits. */
  take(): { readonly lane: string; readonly item: T } | undefined;
  /** Says how long the worker was busy for a lane, in milliseconds. */
  charge(lane: string, ms: number): void;
  /** Takes all that wait. */
  clear(): T[];
}

export interface FairQueueOptions {
  /** The most that wait in all. */
  readonly capacity: number;
  /** The most that wait in one lane. */
  readonly laneCapacity: number;
}

interface Lane<T> {
  waiting: T[];
  usedMs: number;
}

/**
 * Makes one. A lane that comes anew begins where the least busy one is: time that nobody wanted is not saved up.
 *
 * Source: start-time fair queueing (Goyal, Vin and Cheng 1996), with the time that was used for the length of a packet.
 */
export function createFairQueue<T>({ capacity, laneCapacity }: FairQueueOptions): FairQueue<T> {
  const lanes = new Map<string, Lane<T>>();
  let count = 0;
  let clockMs = 0;

  function findNext(): [string, Lane<T>] | undefined {
    let next: [string, Lane<T>] | undefined;
    for (const entry of lanes) {
      const [, { waiting, usedMs }] = entry;
      if (waiting.length > 0 && (!next || usedMs < next[1].usedMs)) next = entry;
    }
    return next;
  }

  return {
    add(name, item) {
      const lane = lanes.get(name) ?? { waiting: [], usedMs: clockMs };
      if (count >= capacity || lane.waiting.length >= laneCapacity) return false;
      lane.usedMs = Math.max(lane.usedMs, clockMs);
      lane.waiting.push(item);
      lanes.set(name, lane);
      count += 1;
      return true;
    },
    take() {
      const [name, lane] = findNext() ?? [];
      if (name === undefined || !lane) {
        // Nobody waits: nobody need stand back for what was used.
        lanes.clear();
        return undefined;
      }
      clockMs = lane.usedMs;
      count -= 1;
      const [item] = lane.waiting.splice(0, 1) as [T];
      for (const [other, { waiting, usedMs }] of lanes)
        if (waiting.length === 0 && usedMs <= clockMs && other !== name) lanes.delete(other);
      return { lane: name, item };
    },
    charge(name, ms) {
      const lane = lanes.get(name);
      if (lane) lane.usedMs += ms;
    },
    clear() {
      const left = [...lanes.values()].flatMap(({ waiting }) => waiting);
      lanes.clear();
      count = 0;
      return left;
    },
  };
}
