import { z } from 'zod';
import { pushedValue } from '../reports/pushed-value.js';
import { wireReport } from '../reports/wire-format.js';
import {
  errorDocument,
  healthDocument,
  integrationDocument,
  networkStatusDocument,
  receiptDocument,
} from './documents.js';

const SCHEMAS = {
  Health: healthDocument,
  Integration: integrationDocument,
  NetworkStatus: networkStatusDocument,
  NodeReport: wireReport,
  NodeState: pushedValue,
  Receipt: receiptDocument,
  Error: errorDocument,
};

type SchemaName = keyof typeof SCHEMAS;

/** What the REST doors of the network take and answer, as an OpenAPI document. Source: OpenAPI Specification 3.1.1. */
export function describeRest(): Readonly<Record<string, unknown>> {
  const schemas = Object.entries(SCHEMAS).map(([name, schema]): [string, unknown] => {
    const { $schema: _dialect, ...rest } = z.toJSONSchema(schema);
    return [name, rest];
  });
  return {
    openapi: '3.1.1',
    info: {
      title: 'Aegis: the network',
      version: '1.0.0',
      description:
        'The numbers of a network of signals: how integrated, coherent, steady and diverse they are. Properties of signals, which anyone can compute again; they make no claim about experience.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ key: [] }, { header: [] }, {}],
    tags: [
      { name: 'network', description: 'The network as a whole.' },
      { name: 'nodes', description: 'What nodes send.' },
    ],
    paths: listPaths(),
    components: {
      schemas: Object.fromEntries(schemas),
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description:
            'An API key, or a signed token where those are taken; none is needed where there are no keys.',
        },
        header: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'The same key.' },
      },
    },
  };
}

function listPaths() {
  const id = {
    ...{ name: 'id', in: 'path', required: true },
    description: 'The node: `node_3`, `nod_3` or `3`.',
    schema: { type: 'string' },
  };
  return {
    '/api/health': {
      get: {
        ...{ operationId: 'getHealth', tags: ['network'], summary: 'Whether the network is measured.' },
        security: [],
        responses: {
          200: answer('It is.', 'Health'),
          503: {
            description: 'It is not, or the process that measures it cannot be asked.',
            content: {
              'application/json': {
                schema: { anyOf: [refTo('Health'), refTo('Error')] },
              },
            },
          },
        },
      },
    },
    '/api/metrics/integration': {
      get: {
        ...{
          operationId: 'getIntegration',
          tags: ['network'],
          summary: 'The newest numbers of the network.',
        },
        responses: { 200: answer('The numbers.', 'Integration'), ...refusals(401, 404, 500, 503) },
      },
    },
    '/api/network/status': {
      get: {
        ...{ operationId: 'getNetworkStatus', tags: ['network'], summary: 'Every node, and the whole.' },
        responses: { 200: answer('The network.', 'NetworkStatus'), ...refusals(401, 500, 503) },
      },
    },
    '/nodes/{id}/consciousness': {
      parameters: [id],
      post: {
        ...{ operationId: 'reportNode', tags: ['nodes'] },
        summary: 'Takes what a node reports about itself; answered once it is stored.',
        requestBody: { required: true, content: jsonOf('NodeReport') },
        responses: {
          200: answer('What came of the checks.', 'Receipt'),
          ...refusals(400, 401, 404, 413, 500, 503),
        },
      },
    },
    '/nodes/{id}/state': {
      parameters: [id],
      post: {
        ...{ operationId: 'pushNodeState', tags: ['nodes'] },
        summary: 'Takes a value of a node’s own state: its signal, live.',
        requestBody: { required: true, content: jsonOf('NodeState') },
        responses: {
          202: { description: 'It counts, and is on its way: what would not count is refused.' },
          ...refusals(400, 401, 404, 409, 413, 500, 503),
        },
      },
    },
  };
}

function jsonOf(schema: SchemaName) {
  return { 'application/json': { schema: refTo(schema) } };
}

function refTo(schema: SchemaName) {
  return { $ref: `#/components/schemas/${schema}` };
}

function answer(description: string, schema: SchemaName) {
  return { description, content: jsonOf(schema) };
}

const REFUSALS: Readonly<Record<number, string>> = {
  400: 'It is not what was expected.',
  401: 'The key is missing or wrong.',
  404: 'There is no such thing, or none yet.',
  409: 'The node has another signal, or a newer state.',
  413: 'The body is too large.',
  500: 'The server failed in a way it did not foresee.',
  503: 'The server cannot do it now. Try again later.',
};

function refusals(...statuses: number[]) {
  return Object.fromEntries(statuses.map((status) => [status, answer(REFUSALS[status] ?? '', 'Error')]));
}
