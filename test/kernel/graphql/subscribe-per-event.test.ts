import { describe, expect, it } from '@jest/globals';
import { buildSchema, parse, type ExecutionResult } from 'graphql';
import { subscribePerEvent } from '../../../kernel/graphql/subscribe-per-event.js';
import { BATCH } from '../../../kernel/streams/batch.js';

const schema = buildSchema('type Query { a: Int } type Subscription { tick: Int }');

/** What the events of a subscription are answered with: each by the number of the context that it was executed with. */
async function contextsOf(events: readonly object[]): Promise<unknown[]> {
  let contexts = 0;
  async function* emit(): AsyncGenerator<object, void, void> {
    for (const event of events) yield await Promise.resolve(event);
  }
  const results = await subscribePerEvent(
    {
      schema,
      document: parse('subscription { tick }'),
      rootValue: { tick: emit },
      fieldResolver: (_event: unknown, _args: unknown, context: { readonly number: number }) =>
        context.number,
      subscribeFieldResolver: (root: { tick: typeof emit }) => root.tick(),
    },
    () => ({ number: (contexts += 1) }),
  );
  if (!(Symbol.asyncIterator in results)) throw new Error(JSON.stringify(results));
  const ticks: unknown[] = [];
  for await (const { data } of results as AsyncIterable<ExecutionResult>) ticks.push(data?.['tick']);
  return ticks;
}

describe('A subscription', () => {
  it('has a context of its own for each event', async () => {
    expect(await contextsOf([{}, {}, {}])).toEqual([1, 2, 3]);
  });

  it('has one context for the events of a batch', async () => {
    const [first, second] = [{}, {}];
    expect(
      await contextsOf([
        { [BATCH]: first },
        { [BATCH]: first },
        { [BATCH]: second },
        {},
        { [BATCH]: second },
      ]),
    ).toEqual([1, 1, 2, 3, 2]);
  });
});
