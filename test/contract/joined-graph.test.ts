import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { validate, type ExecutionResult } from 'graphql';
import { pino } from 'pino';
import { createGateway, type Gateway } from '../../gateway/gateway.js';
import { planInThread } from '../../gateway/planning/in-thread-planning.js';
import { createInProcessTransport } from '../../gateway/transports/in-process-transport.js';
import type { Database } from '../../kernel/database/database.js';
import { AegisError } from '../../kernel/errors/aegis-error.js';
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
}, 90_000);

afterAll(async () => {
  await gateway.close();
  await system.close();
  await database.close();
});

/** @param down names a subgraph that does not answer. */
function openGateway({ subgraphs }: LocalSystem, down?: string): Gateway {
  const logger = pino({ level: 'silent' });
  return createGateway({
    ...planInThread(readFileSync(join(SCHEMA_FOLDER, 'supergraph.graphql'), 'utf8')),
    openTransport({ name }) {
      const here = subgraphs.get(name);
      if (!here) throw new Error(`the supergraph names ${name}, but there is no folder subgraphs/${name}`);
      const { schema, subgraph } = here;
      const createContext = subgraph.createContext.bind(subgraph);
      const transport = createInProcessTransport({
        subgraph: { name, schema, createContext, health: () => subgraph.health() },
        logger,
      });
      if (name !== down) return transport;
      return {
        ...transport,
        execute: () => Promise.reject(new AegisError('UPSTREAM_FAILED', `${name} does not answer.`)),
      };
    },
    logger,
    metrics: createMetrics(),
    operationTimeoutMs: 10_000,
    planCacheSize: 10,
  });
}

/** An operation as a gateway takes it. */
function read(text: string, by = gateway) {
  const generation = by.current;
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
    expect(Object.fromEntries(states)).toEqual({ consciousness: 'UP', devices: 'UP', events: 'UP' });
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

  describe('while devices does not answer', () => {
    let half: Gateway;

    beforeAll(() => {
      half = openGateway(system, 'devices');
    });
    afterAll(() => half.close());

    it('gives what the nodes say, with null and an error where the device would be', async () => {
      const result = plain(await half.execute(read('{ nodes { index metric device { name } } }', half)));
      expect(result).toMatchObject({
        data: {
          nodes: [
            { index: 0, metric: 'load', device: null },
            { index: 1, metric: 'memory', device: null },
            { index: 2, metric: null, device: null },
          ],
        },
        errors: expect.arrayContaining([
          expect.objectContaining({ extensions: expect.objectContaining({ code: 'UPSTREAM_FAILED' }) }),
        ]),
      });
    });

    it('loses no event of the other stream', async () => {
      const text = 'subscription { consciousnessMetrics { sample { nodes { value device { name } } } } }';
      const events = await half.subscribe(read(text, half));
      if (!(Symbol.asyncIterator in events)) throw new Error(JSON.stringify(events.errors));
      const { value } = await events.next();
      await events.return?.();
      expect(plain(value as ExecutionResult)).toMatchObject({
        data: {
          consciousnessMetrics: {
            sample: {
              nodes: [
                { value: 0.5, device: null },
                { value: 1_024, device: null },
              ],
            },
          },
        },
      });
    });
  });

  it('gives the devices without their nodes while consciousness does not answer', async () => {
    const half = openGateway(system, 'consciousness');
    const result = plain(
      await half.execute(read('{ devices { edges { node { name nodes { index } } } } }', half)),
    );
    await half.close();
    expect(result).toMatchObject({
      data: { devices: { edges: [{ node: { name: 'host', nodes: null } }] } },
      errors: [{ extensions: { code: 'UPSTREAM_FAILED' } }],
    });
  });
});
