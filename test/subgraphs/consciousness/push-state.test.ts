import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Database } from '../../../kernel/database/database.js';
import { createTopicRoutes } from '../../../kernel/messaging/topic-routes.js';
import { openTestDatabase } from '../../support/embedded-database.js';
import { createOpened, OPEN_DEADLINE_MS } from '../support/opened.js';
import { serveRoutes } from '../support/serve-routes.js';
import { newWorkspace, startConsciousness, type Consciousness } from './support/start-consciousness.js';

const opened = createOpened();
const topics = createTopicRoutes();
const workspace = newWorkspace();
let database: Database;
let consciousness: Consciousness;
let url: string;

beforeAll(async () => {
  database = opened.keep(await openTestDatabase());
  const identify = () => ({ subject: 'test', workspace, roles: ['admin'] });
  consciousness = await startConsciousness({ database, workspace, identify, topics });
  opened.keep(consciousness.subgraph);
  ({ url } = opened.keep(await serveRoutes(consciousness.subgraph)));
}, OPEN_DEADLINE_MS);

afterAll(() => opened.close());

interface Outcome {
  /** Undefined when the state was taken. */
  readonly code: string | undefined;
  readonly message?: string | undefined;
}

type Door = (
  index: number,
  state: { readonly value: number; readonly timestamp?: number },
) => Promise<Outcome>;

const byHttp: Door = async (index, state) => {
  const response = await fetch(`${url}/nodes/${index}/state`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(state),
  });
  const text = await response.text();
  if (response.status === 202) return { code: undefined };
  return (JSON.parse(text) as { error: { code: string; message: string } }).error;
};

const byGraph: Door = async (index, { value, timestamp }) => {
  const at = timestamp === undefined ? null : new Date(1_000 * timestamp).toISOString();
  const { data, errors } = await consciousness.query(
    `mutation ($index: Int!, $value: Float!, $at: DateTime) {
      pushNodeState(input: { index: $index, value: $value, at: $at }) { node { index } userErrors { code message path } }
    }`,
    { index, value, at },
  );
  expect(errors).toBeUndefined();
  const { node, userErrors } = data?.['pushNodeState'] as {
    node: unknown;
    userErrors: { code: string; message: string; path: string[] }[];
  };
  expect(userErrors.map(({ path }) => path)).toEqual(node ? [] : [['at']]);
  return userErrors[0] ?? { code: undefined };
};

/** What a handler of a topic throws is told on the topic with `/rejected` behind. */
const byTopic: Door = async (index, state) => {
  const topic = `aegis/${workspace}/nodes/${index}/state`;
  const found = topics.find(topic);
  if (!found) throw new Error(`nobody takes ${topic}`);
  try {
    await found.handler({
      workspace,
      topic,
      places: found.places,
      payload: Buffer.from(JSON.stringify(state)),
    });
    return { code: undefined };
  } catch (error) {
    return error as Outcome;
  }
};

const seconds = () => consciousness.clock.now().getTime() / 1_000;

/** The value that samples show of a node. */
async function shownOf(index: number): Promise<number | undefined> {
  await consciousness.clock.advance(1_000);
  const { client } = database.inWorkspace(workspace);
  const newest = await client.sample.findFirst({ orderBy: { sequence: 'desc' } });
  return (newest?.nodes as { index: number; value: number }[]).find((node) => node.index === index)?.value;
}

describe.each([
  ['HTTP', byHttp, 1],
  ['the graph', byGraph, 2],
  ['the broker', byTopic, 3],
] as const)('a state that is pushed by %s', (_name, push, index) => {
  it('is refused when its time is further ahead than a clock may be, which is said', async () => {
    const refused = await push(index, { value: 1, timestamp: 5_000_000_000 });
    expect(refused).toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(/at most 300 s ahead of the time here, 2026-.*got one of 2128-06-11/),
    });
    expect(await push(index, { value: 1, timestamp: seconds() + 301 })).toMatchObject({
      code: 'BAD_USER_INPUT',
    });
    expect((await consciousness.query(`{ node(id: "nod_${index}") { source } }`)).data).toEqual({
      node: { source: null },
    });
  });

  it('is refused when it is so old that no sample would show it', async () => {
    for (const timestamp of [5, seconds() - 11]) {
      expect(await push(index, { value: 1, timestamp })).toMatchObject({
        code: 'BAD_USER_INPUT',
        message: expect.stringContaining('at most 10 s before the time here'),
      });
    }
  });

  it('counts as one of now when its clock is a little ahead, and the next one after it', async () => {
    expect(await push(index, { value: 1, timestamp: seconds() + 200 })).toEqual({ code: undefined });
    expect(await push(index, { value: 2 })).toEqual({ code: undefined });
    expect(await shownOf(index)).toBe(2);
  });

  it('is refused when the node has a newer one, and may be sent again', async () => {
    const at = seconds();
    expect(await push(index, { value: 5, timestamp: at })).toEqual({ code: undefined });
    expect(await push(index, { value: 4, timestamp: at - 2 })).toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining(
        `the newest one of node ${index}, of ${new Date(1_000 * at).toISOString()}`,
      ),
    });
    expect(await push(index, { value: 5, timestamp: at })).toEqual({ code: undefined });
    expect(await shownOf(index)).toBe(5);
  });
});

describe('the newest state of a node', () => {
  it('is also one that another process took', async () => {
    const atMs = consciousness.clock.now().getTime();
    const topic = { workspace, name: 'consciousness.states' };
    await byHttp(4, { value: 0, timestamp: atMs / 1_000 - 9 });
    await consciousness.bus.publish(topic, [{ index: 4, value: 1, atMs }]);
    expect(await byHttp(4, { value: 2, timestamp: atMs / 1_000 - 1 })).toMatchObject({ code: 'CONFLICT' });
    expect(await shownOf(4)).toBe(1);
  });

  it('is one of now, also when our own clock was set back', async () => {
    expect(await byHttp(5, { value: 1 })).toEqual({ code: undefined });
    consciousness.clock.set(new Date(consciousness.clock.now().getTime() - 3_000));
    expect(await byHttp(5, { value: 2 })).toEqual({ code: undefined });
  });
});
