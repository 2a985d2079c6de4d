import { createSourceEventStream, execute, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { compileProjection } from './compile-projection.js';
import { batchOf } from '../streams/batch.js';
import { interruptible } from '../streams/interruptible.js';
import { mapIterator } from '../streams/map-iterator.js';

export interface PerEventOptions<T> {
  /** What is made of each result; the result itself when left out. */
  readonly toEvent?: (result: ExecutionResult) => T;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
}

/**
 * Subscribes like graphql-js, but executes each event with a context of its own, which only the events of one batch share.
 *
 * graphql-js gives all events of a subscription the one context it was begun with, whose loaders would answer every
 * later event with the rows of the first. The events of a batch are told after all of them were committed, so that rows
 * read for the first are right for the last, and are read once for a thousand readings of a device.
 *
 * An operation that only copies what is in the event is compiled, see {@link compileProjection}. A resolver's stream is told
 * to end as soon as the reader leaves, and the reader does not wait for it.
 *
 * Source: GraphQL specification, §6.2.3.2, MapSourceToResponseEvent.
 */
export async function subscribePerEvent<T = ExecutionResult>(
  args: ExecutionArgs,
  createContext: () => unknown,
  { toEvent, signal }: PerEventOptions<T> = {},
): Promise<AsyncIterableIterator<T> | ExecutionResult> {
  const events = await createSourceEventStream(args);
  if (!(Symbol.asyncIterator in events)) return events;
  let shared: { readonly batch: object; readonly context: unknown } | undefined;
  function contextOf(event: unknown): unknown {
    const batch = batchOf(event);
    if (batch === undefined) return createContext();
    if (shared?.batch !== batch) shared = { batch, context: createContext() };
    return shared.context;
  }
  const map = toEvent ?? ((result: ExecutionResult) => result as T);
  const { schema, document, operationName } = args;
  const isCustom = args.fieldResolver != null || args.typeResolver != null;
  let project = isCustom ? undefined : compileProjection(schema, document, operationName);
  return interruptible(
    mapIterator(events[Symbol.asyncIterator](), (event) => {
      const data = project?.(event);
      if (data) return map({ data });
      // What was not plain once is likely to be so again, and would be gone through twice.
      project = undefined;
      const result = execute({ ...args, rootValue: event, contextValue: contextOf(event) });
      return result instanceof Promise ? result.then(map) : map(result);
    }),
    signal,
  );
}
