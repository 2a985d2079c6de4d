import { describe, expect, it } from '@jest/globals';
import { createEntityBatching } from '../../../gateway/transports/batch-entities.js';
import type { SubgraphRequest, SubgraphResponse, Transport } from '../../../gateway/transports/transport.js';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { subgraphOperation } from '../../support/subgraph-operation.js';
import { anyContext } from '../../support/test-gateway.js';

const TEXT =
  'query ($representations: [_Any!]!) { _entities(representations: $representations) { ... on P { name } } }';

type Answer = (request: SubgraphRequest) => Promise<SubgraphResponse>;

/** Names each entity after its representation. */
const answerAll: Answer = ({ representations = [] }) =>
  Promise.resolve({ data: { _entities: representations.map((text) => ({ name: text })) } });

function open(answer: Answer = answerAll) {
  const sent: SubgraphRequest[] = [];
  const transport: Transport = {
    execute(request) {
      sent.push(request);
      return answer(request);
    },
    subscribe: () => Promise.reject(new Error('nobody subscribes')),
    health: () => Promise.resolve({ state: 'UP' }),
    close: () => Promise.resolve(),
  };
  const batch = createEntityBatching();
  return { sent, batch, transport, ...batch(transport) };
}

function ask(
  representations: readonly string[] | undefined,
  more: Partial<SubgraphRequest> = {},
): SubgraphRequest {
  return {
    operation: subgraphOperation(TEXT),
    variables: {},
    representations,
    context: anyContext(),
    signal: new AbortController().signal,
    ...more,
  };
}

const namesOf = ({ data }: SubgraphResponse) =>
  (data?.['_entities'] as { name: string }[]).map(({ name }) => name);

describe('fetches of entities that begin in one turn', () => {
  it('are one request with each representation once, and each gets its own in its order', async () => {
    const { execute, sent } = open();
    const asked = [['1', '2'], ['3', '2'], ['2']];
    const answers = await Promise.all(asked.map((representations) => execute(ask(representations))));
    expect(sent.map(({ representations }) => representations)).toEqual([['1', '2', '3']]);
    expect(answers.map(namesOf)).toEqual(asked);
    // What one receiver changes, no other one sees.
    const objects = answers.flatMap(({ data }) => data?.['_entities'] as object[]);
    expect(new Set(objects).size).toBe(5);
  });

  it('are one request though their operations have other names, and not with other texts, variables or clients', async () => {
    const { execute, sent } = open();
    const other = anyContext();
    await Promise.all([
      execute(
        ask(['1'], { operation: subgraphOperation('query A { a }', { unnamedText: TEXT, name: 'A' }) }),
      ),
      execute(
        ask(['2'], { operation: subgraphOperation('query B { a }', { unnamedText: TEXT, name: 'B' }) }),
      ),
      execute(ask(['3'], { operation: subgraphOperation('{ a }') })),
      execute(ask(['4'], { variables: { first: 1 } })),
      execute(ask(['5'], { context: { ...other, principal: { ...other.principal, subject: 'other' } } })),
      execute(ask(['6'], { context: { ...other, headers: { 'x-tenant': 'a' } } })),
    ]);
    expect(sent.map(({ representations }) => representations?.join())).toEqual(['1,2', '3', '4', '5', '6']);
  });

  it('pass as they are when they are alone, and so does what asks for no entities', async () => {
    const { execute, sent, batch, transport } = open();
    const requests = [ask(['1']), ask(undefined)];
    await Promise.all(requests.map((request) => execute(request)));
    expect(sent).toEqual([requests[1], requests[0]]);
    expect(sent[1]).toBe(requests[0]);
    expect(batch(transport)).toBe(batch(transport));
  });

  it('begin anew in the next turn, and when there are very many', async () => {
    const { execute, sent } = open();
    await execute(ask(['1']));
    await execute(ask(['1']));
    const many = Array.from({ length: 600 }, (_, index) => String(index));
    await Promise.all([execute(ask(many)), execute(ask(many.map((text) => `${text}a`)))]);
    expect(sent.map(({ representations }) => representations?.length)).toEqual([1, 1, 600, 600]);
  });

  it('have errors told to those whose entity they are of, at its place, and others to all', async () => {
    const { execute } = open(() =>
      Promise.resolve({
        data: { _entities: [{ name: 'a' }, null, { name: null }] },
        errors: [
          { message: 'first', path: ['_entities', 1] },
          { message: 'second', path: ['_entities', 2, 'name'] },
          { message: 'all' },
        ],
      }),
    );
    const [one, other] = await Promise.all([execute(ask(['1', '2'])), execute(ask(['3', '2']))]);
    expect(one).toEqual({
      data: { _entities: [{ name: 'a' }, null] },
      errors: [{ message: 'first', path: ['_entities', 1] }, { message: 'all' }],
    });
    expect(other).toEqual({
      data: { _entities: [{ name: null }, null] },
      errors: [
        { message: 'first', path: ['_entities', 1] },
        { message: 'second', path: ['_entities', 0, 'name'] },
        { message: 'all' },
      ],
    });
  });

  it('all fail when they cannot be sent, or when nothing came', async () => {
    const failing = open(() => Promise.reject(new AegisError('UPSTREAM_FAILED', 'gone')));
    const both = [failing.execute(ask(['1'])), failing.execute(ask(['2']))];
    for (const each of both) await expect(each).rejects.toMatchObject({ code: 'UPSTREAM_FAILED' });
    const silent = open(() => Promise.resolve({ data: null, errors: [{ message: 'no' }] }));
    expect(await Promise.all([silent.execute(ask(['1'])), silent.execute(ask(['2']))])).toEqual([
      { data: null, errors: [{ message: 'no' }] },
      { data: null, errors: [{ message: 'no' }] },
    ]);
  });

  it('go on when one of those who asked leaves, and are broken off with the last', async () => {
    const signals: AbortSignal[] = [];
    const { execute } = open(({ signal }) => {
      signals.push(signal);
      return new Promise(() => undefined);
    });
    const [one, other] = [new AbortController(), new AbortController()];
    const both = [execute(ask(['1'], { signal: one.signal })), execute(ask(['2'], { signal: other.signal }))];
    await new Promise(setImmediate);
    one.abort();
    await expect(both[0]).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(signals[0]?.aborted).toBe(false);
    other.abort();
    await expect(both[1]).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  });
});
