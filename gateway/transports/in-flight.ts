import { untilAborted } from '../../kernel/lifecycle/until-aborted.js';

/** Work of one kind that is under way now. */
export interface InFlight<T> {
  /**
   * Waits for the work of a key: that which is under way, or else work begun now. Leaving by the signal ends the wait,
   * and the work itself when nobody else waits for it.
   *
   * Errors: what the work throws, to all who wait; what {@link untilAborted} throws to who leaves.
   */
  join(key: string, signal: AbortSignal, begin: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

interface Flight<T> {
  readonly work: Promise<T>;
  readonly controller: AbortController;
  waiting: number;
  ended: boolean;
}

/** Makes an empty table. Results are shared by reference: only what nobody changes may be shared. */
export function createInFlight<T>(): InFlight<T> {
  const flights = new Map<string, Flight<T>>();

  function begin(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const flight: Flight<T> = { work: work(controller.signal), controller, waiting: 0, ended: false };
    const end = () => {
      flight.ended = true;
      if (flights.get(key) === flight) flights.delete(key);
    };
    flight.work.then(end, end);
    flights.set(key, flight);
    return flight;
  }

  return {
    async join(key, signal, work) {
      const flight = flights.get(key) ?? begin(key, work);
      flight.waiting += 1;
      try {
        return await untilAborted(flight.work, signal);
      } finally {
        flight.waiting -= 1;
        if (flight.waiting === 0 && !flight.ended) {
          // Whoever comes now begins anew: this one is being broken off.
          if (flights.get(key) === flight) flights.delete(key);
          flight.controller.abort();
        }
      }
    },
  };
}
