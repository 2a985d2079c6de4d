import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  createOperationDescriptor,
  fetchQuery,
  getSingularSelector,
  type ConcreteRequest,
  type GraphQLResponse,
  type IEnvironment,
  type OperationDescriptor,
  type ReaderFragment,
} from 'relay-runtime';
import { createRelayEnvironment } from '../../end-to-end/clients/relay-environment.js';
import { API_KEY, serveGateway, type ServedGateway } from '../../support/gateway-server.js';
import {
  PAIR_QUERY,
  REST_FRAGMENT,
  SLOW_FRAGMENT,
  SLOW_QUERY,
  STOCK_FRAGMENT,
  STRICT_FRAGMENT,
  STRICT_QUERY,
} from '../../support/relay-documents.js';
import { waitFor } from '../../support/wait-for.js';

let served: ServedGateway;

beforeEach(async () => {
  served = await serveGateway({ apiKeys: API_KEY });
});
afterEach(async () => {
  await served.close();
});

/** A query that Relay asks, with a look into its store after each part. */
interface Asked<State> {
  readonly payloads: readonly GraphQLResponse[];
  readonly states: readonly State[];
  /** The error with which it ended, if it did. */
  readonly ended: Promise<Error | undefined>;
}

type Look = (fragment: ReaderFragment, at: unknown) => unknown;

function ask<State>(
  request: ConcreteRequest,
  variables: Record<string, string>,
  look: (data: Record<string, unknown>, read: Look) => State,
): Asked<State> {
  const environment = createRelayEnvironment(`${served.url}/graphql`, API_KEY);
  const operation = createOperationDescriptor(request, variables);
  const retained = environment.retain(operation);
  const payloads: GraphQLResponse[] = [];
  const states: State[] = [];
  const ended = new Promise<Error | undefined>((resolve) => {
    environment.execute({ operation }).subscribe({
      next(payload) {
        payloads.push(payload);
        const { data } = environment.lookup(operation.fragment);
        states.push(look(data, createLook(environment, operation)));
      },
      complete: () => {
        resolve(undefined);
      },
      error: resolve,
    });
  });
  return {
    payloads,
    states,
    ended: ended.finally(() => {
      retained.dispose();
    }),
  };
}

/** What a component with the fragment would see: its data, or that it has to wait for them. */
function createLook(environment: IEnvironment, { request }: OperationDescriptor): Look {
  return (fragment, at) => {
    const selector = getSingularSelector(fragment, at);
    const { data, isMissingData } = environment.lookup(selector);
    if (!isMissingData) return data;
    return environment.isRequestActive(request.identifier) ? 'pending' : 'missing';
  };
}

describe('Relay', () => {
  it('shows what is there while the deferred fragment waits, and then that', async () => {
    const { states, ended } = ask(SLOW_QUERY, {}, (data, look) => [data.hello, look(SLOW_FRAGMENT, data)]);
    await waitFor('the first part is in the store', () => states.length > 0);
    expect(states).toEqual([['hello you', 'pending']]);
    served.inside.answerSlow('at last');
    expect(await ended).toBeUndefined();
    expect(states).toEqual([
      ['hello you', 'pending'],
      ['hello you', { slow: 'at last' }],
    ]);
  });

  it('finds each part by its label and path, inside other parts too', async () => {
    const { payloads, states, ended } = ask(PAIR_QUERY, { first: '2', second: '3' }, lookAtPair);
    expect(await ended).toBeUndefined();
    expect(states[0]).toEqual({
      first: { id: '2', rest: 'pending', stock: 'not yet' },
      second: { id: '3', rest: 'pending', stock: 'not yet' },
    });
    expect(states.at(-1)).toEqual({
      first: { id: '2', rest: 'product 2', stock: { units: { ok: true, value: 20 } } },
      second: { id: '3', rest: 'product 3', stock: { units: { ok: true, value: 30 } } },
    });
    const places = payloads.slice(1).map((part) => 'label' in part && [part.label, part.path]);
    expect(new Set(places)).toEqual(
      new Set([
        ['ProductPairQuery$defer$first', ['first']],
        ['ProductPairQuery$defer$second', ['second']],
        ['Product_rest$defer$Product_stock', ['first']],
        ['Product_rest$defer$Product_stock', ['second']],
      ]),
    );
  });

  it('is told of an error in a part, at its field', async () => {
    const { states, ended } = ask(PAIR_QUERY, { first: '2', second: '0' }, lookAtPair);
    expect(await ended).toBeUndefined();
    expect(states.at(-1)).toMatchObject({
      first: { rest: 'product 2', stock: { units: { ok: true, value: 20 } } },
      second: {
        rest: 'product 0',
        stock: {
          units: { ok: false, errors: [{ extensions: { code: 'NOT_FOUND' } }] },
        },
      },
    });
  });

  it('ends with the error of a part that may not be null, and keeps what came before', async () => {
    const { states, ended } = ask(STRICT_QUERY, {}, (data, look) => [
      data.hello,
      look(STRICT_FRAGMENT, data),
    ]);
    expect(await ended).toMatchObject({
      name: 'RelayNetwork',
      source: { errors: [{ path: ['strict'], extensions: { code: 'CONFLICT' } }] },
    });
    expect(states).toEqual([['hello you', 'pending']]);
  });

  it('is told why it gets nothing', async () => {
    const stranger = createRelayEnvironment(`${served.url}/graphql`, 'another-key-of-twenty-four');
    await expect(fetchQuery(stranger, SLOW_QUERY, {}).toPromise()).rejects.toMatchObject({
      name: 'RelayNetwork',
      source: { errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
    });
  });
});

function lookAtPair(data: Record<string, unknown>, look: Look): unknown {
  const lookAt = (product: unknown) => {
    const rest = look(REST_FRAGMENT, product);
    const { id } = product as { id: string };
    if (typeof rest === 'string') return { id, rest, stock: 'not yet' };
    return { id, rest: (rest as { name: string }).name, stock: look(STOCK_FRAGMENT, rest) };
  };
  return { first: lookAt(data.first), second: lookAt(data.second) };
}
