import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { checkPageSize, toConnection } from '../../../kernel/graphql/connection.js';
import type { NodeMetricsReportInput, Resolvers } from '../generated/schema-types.js';
import { readNodeId } from '../node-id.js';
import type { NetworkOf } from '../network.js';
import type { Refusal } from '../refusal.js';
import { VALIDATION_RULES } from '../reports/cross-validation.js';
import type { Reports } from '../reports/reports.js';
import { UnreadableReport } from '../reports/unreadable-report.js';
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
      reportNodeMetrics: (_mutation, { input }, { principal }) =>
        submit(networkOf(principal.workspace).reports, {
          wire: toWire(input),
          pathOf: (members) => members.map(toGraphName),
        }),
      submitNodeReport: (_mutation, { report }, { principal }) =>
        submit(networkOf(principal.workspace).reports, {
          wire: report,
          pathOf: (members) => ['report', ...members],
        }),
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

/** A report as it is to be read, and where in the input a member of the wire format is. */
interface Submission {
  readonly wire: unknown;
  readonly pathOf: (members: readonly string[]) => string[];
}

/** Takes a report; what the sender can mend is told by the members of what was sent. */
async function submit(reports: Reports, { wire, pathOf }: Submission) {
  try {
    return { report: await reports.submit(wire, { door: 'GRAPHQL' }), userErrors: [] };
  } catch (error) {
    const refusals = listRefusals(error);
    if (!refusals) throw error;
    return { report: null, userErrors: refusals.map((one) => ({ ...one, path: pathOf(one.path) })) };
  }
}

function listRefusals(error: unknown): Refusal[] | undefined {
  if (error instanceof UnreadableReport) {
    const { code, mistakes } = error;
    return mistakes.map(({ path, message }) => ({ code, message, path: [...path] }));
  }
  if (!(error instanceof AegisError) || error.code !== 'NOT_FOUND') return undefined;
  return [{ code: error.code, message: error.message, path: ['node_id'] }];
}

/** `consciousness_level` is `consciousnessLevel` in the graph. */
function toGraphName(member: string): string {
  return member.replace(/_(?<initial>[a-z])/g, (_match, initial: string) => initial.toUpperCase());
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
