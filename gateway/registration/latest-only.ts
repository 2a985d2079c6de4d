/**
 * Makes a piece of work that may be asked for again while it waits for its turn: of what it was asked for by then, it does
 * the latest alone, and all who have asked hear how that went.
 *
 * @param inTurn does work when its turn has come, and never at once; what is asked for later waits for the next turn.
 */
export function createLatestOnly<T>(
  inTurn: (work: () => Promise<void>) => Promise<void>,
  work: (latest: T) => Promise<void>,
): (asked: T) => Promise<void> {
  let waiting: { latest: T } | undefined;
  let done = Promise.resolve();
  return (asked) => {
    if (waiting) {
      waiting.latest = asked;
      return done;
    }
    const mine = { latest: asked };
    const leave = () => {
      if (waiting === mine) waiting = undefined;
    };
    waiting = mine;
    done = inTurn(() => {
      leave();
      return work(mine.latest);
    }).finally(leave);
    return done;
  };
}
