import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { checkPageSize, toConnection } from '../../../kernel/graphql/connection.js';
import type { NodeMetricsReportInput, Resolvers } from '../generated/schema-types.js';
import { readNodeId } from '../node-id.js';
import type { NetworkOf } from '../network.js';
import { VALIDATION_RULES } from '../reports/cross-validation.js';
import type { WireReport } from '../reports/wire-format.js';
import { nodeAt } from './measurements.js';

const REPORT_ID = /^nrp_[0-9a-f]{32}$/;

/** Fields of what nodes report about themselves. */
export function createReportResolvers(networkOf: NetworkOf) {
  return {
    Query: {
      validationReport: (_query, { nodeId, valid, first, after }) => ({
        query: {
          first: checkPageSize(first),
          beforeId: after == null ? undefined : readCursor(after),
          nodeIndex: nodeId == null ? undefined : readNode(nodeId),
          valid: valid ?? undefined,
        },
      }),
    },
    Mutation: {
      reportNodeMetrics: async (_mutation, { input }, { principal }) => {
        try {
          const report = await networkOf(principal.workspace).reports.submit(toWire(input), {
            door: 'GRAPHQL',
          });
          return { report, userErrors: [] };
        } catch (error) {
          if (!(error instanceof AegisError)) throw error;
          if (error.code !== 'BAD_USER_INPUT' && error.code !== 'NOT_FOUND') throw error;
          const path = error.code === 'NOT_FOUND' ? ['nodeId'] : [];
          return { report: null, userErrors: [{ code: error.code, message: error.message, path }] };
        }
      },
    },
    ValidationReport: {
      rules: () => [...VALIDATION_RULES],
      standings: async ({ query: { nodeIndex } }, _arguments, { principal }) =>
        (await networkOf(principal.workspace).listStandings()).filter(
          ({ index }) => nodeIndex === undefined || index === nodeIndex,
        ),
      reports: async ({ query }, _arguments, { principal }) =>
        toConnection(await networkOf(principal.workspace).reportStorage.list(query), {
          first: query.first,
          after: query.beforeId !== undefined,
          cursorOf: ({ id }) => Buffer.from(id).toString('base64url'),
        }),
    },
    NodeStanding: {
      node: ({ index }, _arguments, context) => nodeAt(index, context),
    },
    NodeReport: {
      index: ({ nodeIndex }) => nodeIndex,
      node: ({ nodeIndex }, _arguments, context) => nodeAt(nodeIndex, context),
      phi: ({ numbers }) => numbers.phi,
      coherence: ({ numbers }) => numbers.coherence,
      stability: ({ numbers }) => numbers.stability,
      divergence: ({ numbers }) => numbers.divergence,
      level: ({ numbers }) => numbers.level,
      global: ({ numbers: { networkCoherence, collectiveAwareness, systemHealth } }) => ({
        ...{ networkCoherence, collectiveAwareness, systemHealth },
      }),
    },
  } satisfies Resolvers;
}

function toWire({
  timestamp,
  nodeId,
  consciousnessMetrics,
  globalState,
}: NodeMetricsReportInput): WireReport {
  const { phi, coherence, stability, divergence, consciousnessLevel } = consciousnessMetrics;
  const { networkCoherence, collectiveAwareness, systemHealth } = globalState;
  return {
    ...{ timestamp, node_id: nodeId },
    consciousness_metrics: {
      ...{ phi, coherence, stability, divergence },
      consciousness_level: consciousnessLevel,
    },
    global_state: {
      network_coherence: networkCoherence,
      collective_awareness: collectiveAwareness,
      system_health: systemHealth,
    },
  };
}

function readCursor(cursor: string): string {
  const id = Buffer.from(cursor, 'base64url').toString('latin1');
  if (REPORT_ID.test(id)) return id;
  throw new AegisError(
    'BAD_USER_INPUT',
    `after: expected the endCursor of a page of reports, got ${JSON.stringify(cursor.slice(0, 64))}.`,
  );
}

function readNode(id: string): number {
  const index = readNodeId(id);
  if (index !== undefined) return index;
  throw new AegisError(
    'BAD_USER_INPUT',
    `nodeId: expected the id of a node such as nod_3, got ${JSON.stringify(id.slice(0, 64))}.`,
  );
}
