import { afterAll, describe, expect, it } from '@jest/globals';
import type { Worker } from 'node:worker_threads';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { createInThreadPlanning } from '../../../gateway/planning/in-thread-planning.js';
import { NO_OVERRIDES } from '../../../gateway/planning/override-labels.js';
import { PlanningFailed } from '../../../gateway/planning/planner.js';
import type { Planning } from '../../../gateway/planning/planning.js';
import { startPlanningThread } from '../../../gateway/planning/start-planning-thread.js';
import { createThreadedPlanning } from '../../../gateway/planning/threaded-planning.js';
import { CompositionFailed } from '../../../gateway/supergraph/composition-failed.js';
import { SupergraphInvalid } from '../../../gateway/supergraph/snapshot.js';
import { createLogger } from '../../../kernel/telemetry/logger.js';

const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@requires", "@external", "@override", "@inaccessible", "@tag"])`;
const shop = {
  name: 'shop',
  url: 'http://shop/graphql',
  sdl: `${LINK}
    type Query { product(id: ID!): Product media: [Media] }
    "What is sold."
    type Product @key(fields: "id") @tag(name: "sold") { id: ID! units: Int name: String @deprecated(reason: "old") secret: Int @inaccessible weight(unit: Unit = KG): Float }
    interface Media { id: ID! }
    type Book implements Media { id: ID! }
    type Film implements Media { id: ID! }
    enum Unit { KG LB }`,
};
const stock = {
  name: 'stock',
  url: 'http://stock/graphql',
  sdl: `${LINK}
    type Product @key(fields: "id") { id: ID! weight(unit: Unit = KG): Float @external units: Int @override(from: "shop", label: "percent(5)") costs: Float @requires(fields: "weight(unit: LB)") }
    enum Unit { KG LB }`,
};
const API_SDL = `"""
Lets a fragment come after the rest of the response, for clients that accept multipart responses.
"""
directive @defer(if: Boolean! = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT

type Book implements Media {
  id: ID!
}

type Film implements Media {
  id: ID!
}

interface Media {
  id: ID!
}

"""What is sold."""
type Product {
  costs: Float
  id: ID!
  name: String @deprecated(reason: "old")
  units: Int
  weight(unit: Unit = KG): Float
}

type Query {
  media: [Media]
  product(id: ID!): Product
}

enum Unit {
  KG
  LB
}`;
const logger = createLogger({ level: 'silent', pretty: false });
const implementations: [string, Planning][] = [
  ['in the thread that asks', createInThreadPlanning()],
  ['in a thread of its own', createThreadedPlanning({ logger })],
];
afterAll(() => Promise.all(implementations.map(([, planning]) => planning.close())));

describe.each(implementations)('planning %s', (_where, planning) => {
  it('composes subgraphs and tells what may not be meant', async () => {
    const shared = { ...stock, sdl: stock.sdl.replace('enum Unit { KG LB }', 'enum Unit { KG LB GRAIN }') };
    const { sdl, hints } = await planning.compose([shop, shared]);
    expect(sdl).toContain('join__Graph');
    expect(hints.map(({ code }) => code)).toContain('INCONSISTENT_ENUM_VALUE_FOR_INPUT_ENUM');
  });

  it('tells with codes why subgraphs do not fit', async () => {
    const clash = { ...stock, sdl: `${LINK} type Product @key(fields: "id") { id: ID! name: Int }` };
    const error: unknown = await planning.compose([shop, clash]).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CompositionFailed);
    expect((error as CompositionFailed).problems.map(({ code }) => code)).toContain('FIELD_TYPE_MISMATCH');
    const broken = planning.compose([shop, { ...stock, sdl: 'type {' }]);
    await expect(broken).rejects.toMatchObject({
      problems: [{ code: 'INVALID_GRAPHQL', message: expect.stringContaining('[stock] Syntax Error') }],
    });
  });

  it('opens a supergraph: its schema, facts and plans', async () => {
    const { sdl } = await planning.compose([shop, stock]);
    const { snapshot, planner, close } = await planning.open(sdl);
    expect(printSchema(lexicographicSortSchema(snapshot.apiSchema))).toContain(API_SDL);
    expect(snapshot).toMatchObject({
      sdl,
      subgraphs: [shop, stock].map(({ name, url }) => ({ name, url })),
      overrideLabels: ['percent(5)'],
      types: { members: [['Media', ['Book', 'Film']]] },
    });
    const text = '{ product(id: 1) { id costs } }';
    const plan = await planner.plan({ text, overrides: NO_OVERRIDES });
    expect(JSON.stringify(plan)).toMatch(/"Sequence".*"shop".*weight\(unit:\s*LB\).*"stock".*costs/);
    const operation = '{ product(id: 1) { units } }';
    const [before, after] = await Promise.all(
      [false, true].map((moved) =>
        planner.plan({ text: operation, overrides: new Map([['percent(5)', moved]]) }),
      ),
    );
    expect(before).not.toEqual(after);
    close();
    // Forgotten, and read again for who still asks.
    expect(await planner.plan({ text, overrides: NO_OVERRIDES })).toEqual(plan);
  });

  it('refuses what is no supergraph, and operations without a plan', async () => {
    await expect(planning.open('type Query { a: Int }')).rejects.toThrow(SupergraphInvalid);
    await expect(planning.open('type Query {')).rejects.toThrow(
      /expected the SDL of a federation supergraph, but: Syntax Error/,
    );
    const { planner } = await planning.open((await planning.compose([shop])).sdl);
    await expect(planner.plan({ text: '{ nothing }', overrides: NO_OVERRIDES })).rejects.toThrow(
      PlanningFailed,
    );
  });

  it('gives the subgraphs of a supergraph, which compose to the same again', async () => {
    const { sdl } = await planning.compose([shop, stock]);
    const subgraphs = await planning.extractSubgraphs(sdl);
    expect(subgraphs.map(({ name, url }) => [name, url])).toEqual([
      ['shop', shop.url],
      ['stock', stock.url],
    ]);
    const again = await planning.compose(subgraphs);
    expect(await printApi(planning, again.sdl)).toBe(await printApi(planning, sdl));
  });
});

async function printApi(planning: Planning, sdl: string): Promise<string> {
  return printSchema(lexicographicSortSchema((await planning.open(sdl)).snapshot.apiSchema));
}

describe('a planning thread', () => {
  it('is replaced when it stops, by one that knows the same supergraphs', async () => {
    const threads: Worker[] = [];
    const startThread = () => {
      const thread = startPlanningThread();
      threads.push(thread);
      return thread;
    };
    const planning = createThreadedPlanning({ logger, startThread });
    const { planner } = await planning.open((await planning.compose([shop])).sdl);
    await threads[0]?.terminate();
    const plan = await planner.plan({ text: '{ product(id: 1) { id } }', overrides: NO_OVERRIDES });
    expect(plan).toMatchObject({ node: { kind: 'Fetch', serviceName: 'shop' } });
    expect(threads).toHaveLength(2);
    await planning.close();
  });

  it('keeps no process alive, and takes nothing once it is closed', async () => {
    const planning = createThreadedPlanning({ logger });
    await planning.compose([shop]);
    const waiting = planning.compose([shop, stock]);
    const closing = planning.close();
    await expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(planning.compose([shop])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await closing;
    await planning.close();
  });
});
