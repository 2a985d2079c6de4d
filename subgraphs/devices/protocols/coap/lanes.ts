/** Work that is done one after the other for each of many ends. */
export interface Lanes {
  /** Runs work after all that was begun for this end before. Errors: those of the work; `tooMany` when it may not wait. */
  inTurn<T>(key: string, work: () => Promise<T>): Promise<T>;
}

export interface LanesOptions {
  /** How much may wait for one end. */
  readonly capacity: number;
  readonly tooMany: (key: string) => Error;
}

/** Makes them. */
export function createLanes({ capacity, tooMany }: LanesOptions): Lanes {
  const lanes = new Map<string, { last: Promise<void>; waiting: number }>();

  return {
    async inTurn(key, work) {
      const lane = lanes.get(key) ?? { last: Promise.resolve(), waiting: 0 };
      if (lane.waiting >= capacity) throw tooMany(key);
      lanes.set(key, lane);
      lane.waiting += 1;
      const turn = lane.last.then(work);
      lane.last = turn.then(
        () => undefined,
        () => undefined,
      );
      try {
        return await turn;
      } finally {
        lane.waiting -= 1;
        if (lane.waiting === 0) lanes.delete(key);
      }
    },
  };
}
