import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { validate, type ExecutionResult } from 'graphql';
import { pino } from 'pino';
import { createGateway, type Gateway } from '../../gateway/gateway.js';
import { createInProcessTransport } from '../../gateway/transports/in-process-transport.js';
import type { Database } from '../../kernel/database/database.js';
import { createMetrics } from '../../kernel/telemetry/metrics.js';
import { openTestDatabase } from '../support/embedded-database.js';
import {
  askSubgraph,
  openLocalSystem,
  requestContext,
  SCHEMA_FOLDER,
  type LocalSystem,
} from '../support/local-system.js';
import { waitFor } from '../support/wait-for.js';

/* The committed supergraph over the real subgraphs, all in this process: what `npm start` runs, without its sockets. */

/** A sample every 20 ms, to which a reading belongs for a minute. */
const ENV = { AEGIS_SAMPLE_PERIOD_MS: '20', AEGIS_SAMPLE_STALE_PERIODS: '3000', AEGIS_NODE_COUNT: '3' };

let database: Database;
let system: LocalSystem;
let gateway: Gateway;

beforeAll(async () => {
  database = await openTestDatabase();
  system = await openLocalSystem({ database, env: ENV });
  await system.start();
  gateway = openGateway(system);
}, 30_000);

afterAll(async () => {
  await gateway.close();
  await system.close();
  await database.close();
});

function openGateway({ subgraphs }: LocalSystem): Gateway {
  const logger = pino({ level: 'silent' });
  return createGateway({
    supergraphSdl: readFileSync(join(SCHEMA_FOLDER, 'supergraph.graphql'), 'utf8'),
    openTransport({ name }) {
      const here = subgraphs.get(name);
      if (!here) throw new Error(`the supergraph names ${name}, but there is no folder subgraphs/${name}`);
      const { schema, subgraph } = here;
      const createContext = subgraph.createContext.bind(subgraph);
      return createInProcessTransport({
        subgraph: { name, schema, createContext, health: () => subgraph.health() },
        logger,
      });
    },
    logger,
    metrics: createMetrics(),
    operationTimeoutMs: 10_000,
    planCacheSize: 10,
  });
}

/** An operation as the gateway takes it. */
function read(text: string) {
  const generation = gateway.current;
  const document = generation.readDocument(text);
  if (!('kind' in document)) throw new Error(document.map(({ message }) => message).join('\n'));
  expect(validate(generation.snapshot.apiSchema, document)).toEqual([]);
  return { generation, document, context: requestContext(), signal: new AbortController().signal };
}

/** Without the prototype-less objects of graphql-js, so that results compare with literals. */
function plain(result: ExecutionResult): ExecutionResult {
  return JSON.parse(JSON.stringify(result)) as ExecutionResult;
}

async function query(text: string): Promise<ExecutionResult> {
  return plain(await gateway.execute(read(text)));
}

describe('the committed supergraph over the real subgraphs', () => {
  let id: string;

  beforeAll(async () => {
    const { registerDevice } = await askSubgraph<{ registerDevice: { device: { id: string } } }>(
      system,
      'devices',
      `mutation { registerDevice(input: {
        name: "host", metrics: [{ name: "load", unit: "1" }, { name: "memory", unit: "By" }]
      }) { device { id } } }`,
    );
    id = registerDevice.device.id;
    await waitFor('the nodes have taken the metrics', async () => {
      const { data } = await query('{ nodes { metric } }');
      return JSON.stringify(data?.['nodes']) === '[{"metric":"load"},{"metric":"memory"},{"metric":null}]';
    });
    await system.ingest('host', { load: 0.5, memory: 1_024 });
  });

  it('has exactly the subgraphs that there are', () => {
    const named = gateway.current.snapshot.subgraphs.map(({ name }) => name);
    expect(named.sort()).toEqual([...system.subgraphs.keys()].sort());
  });

  it('finds every subgraph well', async () => {
    const states = [...(await gateway.checkSubgraphs())].map(([name, { state }]) => [name, state]);
    expect(Object.fromEntries(states)).toEqual({ consciousness: 'UP', devices: 'UP' });
  });

  it('joins the nodes to their device', async () => {
    expect(
      await query(
        '{ devices { edges { node { name latest { metric value unit } nodes { index metric } } } } }',
      ),
    ).toEqual({
      data: {
        devices: {
          edges: [
            {
              node: {
                name: 'host',
                latest: [
                  { metric: 'load', value: 0.5, unit: '1' },
                  { metric: 'memory', value: 1_024, unit: 'By' },
                ],
                nodes: [
                  { index: 0, metric: 'load' },
                  { index: 1, metric: 'memory' },
                ],
              },
            },
          ],
        },
      },
    });
  });

  it('joins the device to each of its nodes', async () => {
    expect(await query('{ nodes { index device { id name latest(metrics: ["load"]) { value } } } }')).toEqual(
      {
        data: {
          nodes: [
            { index: 0, device: { id, name: 'host', latest: [{ value: 0.5 }] } },
            { index: 1, device: { id, name: 'host', latest: [{ value: 0.5 }] } },
            { index: 2, device: null },
          ],
        },
      },
    );
  });

  it('completes the events of a stream of one subgraph with the fields of the other', async () => {
    const events = await gateway.subscribe(
      read('subscription { consciousnessMetrics { gap sample { nodes { index value device { name } } } } }'),
    );
    if (!(Symbol.asyncIterator in events)) throw new Error(JSON.stringify(events.errors));
    const { value } = await events.next();
    await events.return?.();
    expect(plain(value as ExecutionResult)).toEqual({
      data: {
        consciousnessMetrics: {
          gap: false,
          sample: {
            nodes: [
              { index: 0, value: 0.5, device: { name: 'host' } },
              { index: 1, value: 1_024, device: { name: 'host' } },
            ],
          },
        },
      },
    });
  });
});
