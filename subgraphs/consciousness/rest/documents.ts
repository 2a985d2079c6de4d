import { z } from 'zod';

/** Seconds since 1970, as the wire format has instants. */
const timestamp = z.number().describe('Seconds since 1970, with fractions.');
const share = z.number().nullable().describe('0 to 1; null when it cannot be told.');

const nodeNumbers = z.object({
  phi: z
    .number()
    .nullable()
    .describe('φ of this node against all others, in bits; null when it cannot be told.'),
  coherence: share,
  stability: share,
  divergence: share,
  consciousness_level: share,
});

const globalState = z.object({
  network_coherence: share,
  collective_awareness: share.describe(
    'Mean level of the nodes, weighted by their validity, 0 to 1: a name of the wire format, not a claim. Null when it cannot be told.',
  ),
  system_health: z.number().describe('Share of the nodes that are fresh and valid, 0 to 1.'),
});

/** What `GET /api/health` answers. */
export const healthDocument = z.object({
  status: z.enum(['healthy', 'unhealthy']),
  timestamp,
  reason: z.string().optional().describe('Why it is unhealthy.'),
});

/** What `GET /api/metrics/integration` answers: the newest numbers of the network. */
export const integrationDocument = z.object({
  timestamp,
  phi: z.number().nullable().describe('Integrated information in bits; null when it cannot be told.'),
  unit: z.literal('bits'),
  method: z.string().nullable().describe('How Φ was computed.'),
  exact: z.boolean().nullable().describe('Whether every bipartition was looked at.'),
  partition: z
    .array(z.array(z.int()))
    .nullable()
    .describe('The bipartition that loses least, as indexes of nodes.'),
  surrogate95: z
    .number()
    .nullable()
    .describe('The 95th percentile of Φ of phase-shuffled surrogates, in bits.'),
  significant: z.boolean().nullable().describe('Whether Φ is above it.'),
  coherence: share,
  stability: share,
  divergence: share,
  consciousness_level: share,
  level_version: z.int().nullable().describe('Of the formula of the level.'),
  samples: z.int().describe('Values of each signal in the window.'),
  window_seconds: z.number(),
  simulated: z
    .boolean()
    .describe(
      'Whether any signal was made by the built-in generator, or of readings that say they are simulated.',
    ),
  missing: z.array(z.object({ metric: z.string(), code: z.string(), message: z.string() })),
});

/** What `GET /api/network/status` answers. */
export const networkStatusDocument = z.object({
  timestamp,
  graph: z.string().describe('What joins the nodes.'),
  node_count: z.int(),
  active_nodes: z.int().describe('How many are fresh.'),
  simulated: z
    .boolean()
    .describe(
      'Whether any signal was made by the built-in generator, or of readings that say they are simulated.',
    ),
  global_state: globalState,
  nodes: z.array(
    z.object({
      node_id: z.string(),
      source: z.enum(['DEVICE', 'STATE', 'GENERATOR']).nullable(),
      phase_source: z
        .enum(['GIVEN', 'ANALYTIC'])
        .nullable()
        .describe('Whether its phases came with its values, or are those of their analytic signal.'),
      fresh: z.boolean(),
      validity: z.number().describe('How far it is to be believed, 0 to 1.'),
      reputation: z.number().describe('How far its reports have been right, 0 to 1.'),
      consciousness_metrics: nodeNumbers,
    }),
  ),
});

/** What `POST /nodes/<id>/consciousness` answers. */
export const receiptDocument = z.object({
  report_id: z.string(),
  valid: z
    .boolean()
    .describe('An invalid report is stored as well, and left out of the numbers of the network.'),
  reputation: z.number().describe('The node’s, after this report, 0 to 1.'),
  checks: z.array(z.object({ check: z.string(), outcome: z.string(), message: z.string() })),
});

/** What every door answers when it refuses. */
export const errorDocument = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    retryable: z.boolean(),
    traceId: z.string(),
  }),
});
