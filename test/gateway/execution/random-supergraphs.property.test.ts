import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { execute, parse, validate, type ExecutionResult } from 'graphql';
import { deferFragments, mergeParts } from '../../support/deferred-operation.js';
import { errorPlaces } from '../../support/error-places.js';
import { createDraw, drawGraph, type Draw, type RandomGraph } from '../../support/random-graph.js';
import { drawOperation } from '../../support/random-operation.js';
import { openTestGateway, type TestGateway } from '../../support/test-gateway.js';

/*
 * Any graph, split over subgraphs in any way, must answer any operation as it would unsplit. More operations, or those
 * of a run that failed:
 *   npx jest test/gateway/execution/random-supergraphs --globals '{"propertyRuns": 2000, "propertySeed": 1}'
 */
const { propertyRuns = 200, propertySeed = Date.now() % 2 ** 31 } = globalThis as {
  propertyRuns?: number;
  propertySeed?: number;
};

const OPERATIONS_PER_GRAPH = 5;

/** Valid operations of a graph. */
function drawOperations({ schema }: RandomGraph, draw: Draw) {
  const drawn = Array.from({ length: OPERATIONS_PER_GRAPH * 6 }, () => drawOperation(schema, draw));
  const valid = drawn.filter(({ text }) => validate(schema, parse(text)).length === 0);
  return valid.slice(0, OPERATIONS_PER_GRAPH);
}

async function compare(graph: RandomGraph, gateway: TestGateway, draw: Draw): Promise<number> {
  let failing = 0;
  for (const { text, variables } of drawOperations(graph, draw)) {
    const { schema } = graph;
    const document = parse(text);
    const expected = await execute({ schema, document, variableValues: variables, rootValue: {} });
    const actual = await gateway.run(text, variables);
    if (expected.errors) failing += 1;
    const [got, wanted] = [actual, expected].map((result) => ({
      data: JSON.stringify(result.data),
      errors: errorPlaces(result),
    }));
    if (JSON.stringify(got) === JSON.stringify(wanted)) {
      if (!expected.errors) await compareDeferred({ text, variables, expected }, gateway, draw);
      continue;
    }
    const parts = Object.values(graph.subgraphs).map(({ typeDefs }) => typeDefs);
    const messages = actual.errors?.map(({ message, path }) => `${message} at ${String(path?.join('.'))}`);
    const { fetches } = gateway;
    expect({ text, variables, parts, ...got, messages, fetches }).toEqual({
      text,
      variables,
      parts,
      ...wanted,
    });
  }
  return failing;
}

/** What comes in parts must come to the same. Where something fails it does not: a null stops at its part. */
async function compareDeferred(
  {
    text,
    variables,
    expected,
  }: { text: string; variables: Record<string, unknown>; expected: ExecutionResult },
  gateway: TestGateway,
  draw: Draw,
): Promise<void> {
  const deferred = deferFragments(parse(text), () => draw(2) === 0);
  const merged = await mergeParts(await gateway.runIncrementally(deferred, variables));
  expect({ deferred, variables, ...merged, data: plain(merged.data) }).toEqual({
    deferred,
    variables,
    data: plain(expected.data),
  });
}

const plain = (data: unknown): unknown => JSON.parse(JSON.stringify(data ?? null));

describe('any federated graph', () => {
  it('answers any query as it would in one piece', async () => {
    const numRuns = Math.ceil(propertyRuns / OPERATIONS_PER_GRAPH);
    process.stdout.write(`random supergraphs: ${propertyRuns} operations, seed ${propertySeed}\n`);
    let failing = 0;
    const property = fc.asyncProperty(
      fc.nat(),
      fc.nat(),
      fc.nat(),
      async (seed, graphSeed, operationSeed) => {
        const graph = drawGraph(createDraw(graphSeed));
        graph.world.seed = seed;
        const gateway = openTestGateway(graph.subgraphs);
        try {
          failing += await compare(graph, gateway, createDraw(operationSeed));
        } finally {
          await gateway.close();
        }
      },
    );
    await fc.assert(property, { seed: propertySeed, numRuns, endOnFailure: true });
    // A world in which nothing fails would test little.
    expect(failing).toBeGreaterThan(propertyRuns / 20);
  }, 600_000);
});
