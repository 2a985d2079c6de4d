import type { Database, Transaction } from '../../../kernel/database/database.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { newId } from '../../../kernel/ids/ids.js';
import { listNeighbours, type NetworkGraph } from '../graph/network-graph.js';
import type { MeasurementStorage } from '../storage/measurement-storage.js';
import type { NodeMetrics, Standing } from '../metrics/describe-metrics.js';
import { COMPARABLE_MS, validateReport, type OwnNumbers } from './cross-validation.js';
import {
  standingsAt,
  type Report,
  type ReportStorage,
  type StoredStanding,
} from '../storage/report-storage.js';
import { readReport } from './read-report.js';
import { judge, recover } from './reputation.js';
import { toNumbers } from './wire-format.js';

/** What nodes of one network report about themselves. */
export interface Reports {
  /**
   * Checks a report and stores it, with what came of the checks; an invalid one as well. One that is sent again, of the same node
   * and instant, is answered as it was the first time. One that was measured before the newest is kept without effect on what the
   * node is worth.
   *
   * Errors: UnreadableReport (BAD_USER_INPUT) when it is not of the wire format; NOT_FOUND when there is no such node.
   */
  submit(report: unknown, from: { readonly door: Report['door']; readonly nodeId?: string }): Promise<Report>;
  /** How far each node is to be believed now, by its index; at most a second old. */
  readStandings(): Promise<ReadonlyMap<number, Standing>>;
}

export interface ReportsDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly workspace: WorkspaceId;
  readonly graph: NetworkGraph;
  readonly storage: ReportStorage;
  readonly measurements: Pick<MeasurementStorage, 'findNewest'>;
  readonly now: () => Date;
}

const STANDINGS_FRESH_MS = 1_000;

/** The reports of a workspace. */
export function createReports(deps: ReportsDeps): Reports {
  const { database, log, workspace, graph, storage, measurements, now } = deps;
  const neighbours = listNeighbours(graph);
  let known: { readonly standings: readonly StoredStanding[]; readonly atMs: number } | undefined;

  /**
   * The numbers of the node and of its neighbours, as far as they are known now. One oscillator of the generator is in the numbers
   * of all nodes, as each is of its node against the others: of such an update nothing is taken.
   */
  async function gather(nodeIndex: number, at: Date) {
    const since = new Date(at.getTime() - COMPARABLE_MS);
    const newest = await measurements.findNewest(since);
    const generated = newest?.metrics.nodes.some(({ source }) => source === 'GENERATOR') ?? false;
    const measured = generated ? undefined : newest?.metrics;
    const nodes = measured?.nodes ?? [];
    const around = (neighbours[nodeIndex] ?? []).map(({ index }) => index);
    const reported = await storage.findNewest(around, since);
    const computed = (index: number) => nodes.find((node) => node.index === index && node.source !== null);
    return {
      own: toOwn(computed(nodeIndex)),
      network: measured?.global,
      generated,
      neighbours: around.flatMap((index): OwnNumbers[] => {
        const numbers = toOwn(computed(index)) ?? reported.get(index);
        return numbers ? [numbers] : [];
      }),
    };
  }

  return {
    async submit(given, { door, nodeId }) {
      const { wire, nodeIndex } = readReport(given, { nodeId, nodeCount: graph.nodeCount });
      const receivedAt = now();
      const reportedAt = new Date(Math.round(1_000 * wire.timestamp));
      const numbers = toNumbers(wire);
      const evidence = { numbers, reportedAt, receivedAt, ...(await gather(nodeIndex, receivedAt)) };
      const checks = [...validateReport(evidence)];
      const valid = checks.every(({ outcome }) => outcome !== 'FAILED');
      const report = await database.inWorkspace(workspace).transaction(async (transaction) => {
        await storage.lock(transaction);
        const same = await storage.findReport(transaction, nodeIndex, reportedAt);
        if (same) return same;
        const before = await storage.findStanding(transaction, nodeIndex);
        const newest = before && (await storage.findReportOf(transaction, before));
        const hasEffect = newest === undefined || reportedAt >= instantOf(newest);
        const elapsedMs = before ? receivedAt.getTime() - before.updatedAt.getTime() : 0;
        const recovered = recover(before?.reputation ?? 1, elapsedMs);
        const reputation = hasEffect ? judge(recovered, valid) : recovered;
        const judged: Report = {
          ...{ id: newId('nrp'), nodeIndex, reportedAt, receivedAt, door },
          ...{ numbers, valid, checks, reputation },
        };
        await storage.insert(transaction, judged, hasEffect);
        if (hasEffect) await stateTurn(log, transaction, { report: judged, wasValid: before?.valid ?? true });
        return judged;
      });
      known = undefined;
      return report;
    },
    async readStandings() {
      const at = now();
      const atMs = at.getTime();
      if (!known || atMs < known.atMs || atMs - known.atMs >= STANDINGS_FRESH_MS) {
        known = { standings: await storage.listStandings(), atMs };
      }
      return standingsAt(known.standings, at);
    },
  };
}

/** A report from the future is of the instant at which it came: it must not stand before all that follow. */
function instantOf({ reportedAt, receivedAt }: Report): Date {
  return reportedAt < receivedAt ? reportedAt : receivedAt;
}

function toOwn(node: NodeMetrics | undefined): OwnNumbers | undefined {
  if (!node) return undefined;
  const { phi, coherence, stability, divergence, level } = node;
  return { phi, coherence, stability, divergence, level };
}

/** That a node begins or ceases to be doubted is a fact; that it goes on to be is none. */
async function stateTurn(
  log: EventLog,
  transaction: Transaction,
  { report, wasValid }: { readonly report: Report; readonly wasValid: boolean },
): Promise<void> {
  const { id, nodeIndex, valid, reputation, checks } = report;
  if (valid === wasValid) return;
  await log.append(transaction, {
    source: '/consciousness',
    type: valid ? 'aegis.network.node.trusted' : 'aegis.network.node.doubted',
    subject: `nod_${nodeIndex}`,
    data: {
      ...{ report: id, reputation },
      failed: checks
        .filter(({ outcome }) => outcome === 'FAILED')
        .map(({ check, message }) => ({ check, message })),
    },
  });
}
