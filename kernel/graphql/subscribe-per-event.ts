import { createSourceEventStream, execute, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { interruptible } from '../streams/interruptible.js';
import { mapIterator } from '../streams/map-iterator.js';

/**
 * Subscribes like graphql-js, but executes each event with a context of its own.
 *
 * graphql-js gives all events of a subscription the one context it was begun with, whose loaders would answer every
 * later event with the rows of the first. A resolver's stream is told to end as soon as the reader leaves, and the
 * reader does not wait for it.
 *
 * Source: GraphQL specification, §6.2.3.2, MapSourceToResponseEvent.
 */
export async function subscribePerEvent(
  args: ExecutionArgs,
  createContext: () => unknown,
): Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult> {
  const events = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in events)) return events;
  return interruptible(
    mapIterator(events[Symbol.asyncIterator](), (event) =>
      execute({ ...args, rootValue: event, contextValue: createContext() }),
    ),
  );
}
