import type { Database, Transaction } from '../../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { toQuality } from '../../readings/quality.js';
import type { Sample } from '../conditions/condition.js';
import type { TrackKey } from './evaluated-device.js';
import type { Phase } from './phase.js';
import type { SavedSlot } from './slot.js';

/** A device as rules choose it. */
export interface CandidateDevice {
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly profileName: string | null;
  readonly profileVersion: number | null;
  /** The names of the metrics that it declares. */
  readonly metrics: readonly string[];
}

/** What evaluation reads at its beginning, and what it keeps. */
export interface EvaluationRegistry {
  slots(workspace: WorkspaceId): Promise<SavedSlot[]>;
  /** Devices in the order of their ids, behind one, at most `limit`. */
  devicesAfter(workspace: WorkspaceId, after: string, limit: number): Promise<CandidateDevice[]>;
  /** Devices by id or name, under what they were named by; one whose id it is goes before one of that name. */
  named(
    workspace: WorkspaceId,
    idsOrNames: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly id: string; readonly name: string }>>;
  /** Those that are there, in any order. */
  devices(workspace: WorkspaceId, ids: readonly string[]): Promise<CandidateDevice[]>;
  /**
   * What was committed up to a sequence of metrics: the newest reading, the newest usable one and the usable ones of the
   * window, in one statement. In the order of the keys.
   */
  samples(workspace: WorkspaceId, keys: readonly TrackKey[], through: bigint): Promise<Sample[][]>;
  /** Up to where sequences of readings have been given out. */
  newestSequence(workspace: WorkspaceId): Promise<bigint>;
  /** The sequence of the newest reading that there is. */
  newestReading(workspace: WorkspaceId): Promise<bigint>;
  /** The sequence of the newest fact. */
  newestFact(workspace: WorkspaceId): Promise<bigint>;
  /** Keeps how far rules have come; of one slot the last one counts. */
  saveSlots(transaction: Transaction, slots: readonly SavedSlot[]): Promise<void>;
  /** Of rules of the workspace, those that are still in this version; they stay so until the commit. */
  holdRules(
    transaction: Transaction,
    rules: readonly { readonly id: string; readonly version: number }[],
  ): Promise<ReadonlySet<string>>;
}

/** The most readings of one window: evaluation keeps fewer. */
const MAX_SAMPLES = 2_000;

/** Makes the registry of evaluation. */
export function createEvaluationRegistry(database: Database): EvaluationRegistry {
  return { ...createReads(database), ...createWrites() };
}

interface SampleRow {
  readonly place: bigint;
  readonly value: number;
  readonly unit: string;
  readonly quality: number;
  readonly measured_at: Date;
  readonly received_at: Date;
}

const DEVICE = {
  select: {
    id: true,
    name: true,
    createdAt: true,
    profileName: true,
    profileVersion: true,
    metrics: { select: { name: true } },
  },
  orderBy: { id: 'asc' },
} as const;

type Reads = Omit<EvaluationRegistry, 'saveSlots' | 'holdRules'>;

function createReads(database: Database): Reads {
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;
  return {
    async slots(workspace) {
      const rows = await clientOf(workspace).alarmSlot.findMany();
      return rows.map(({ ruleId, deviceId, conditionVersion, ...row }) => ({
        ...{ ruleId, deviceId, conditionVersion },
        phase: toPhase(row),
      }));
    },
    async devicesAfter(workspace, after, limit) {
      const where = { id: { gt: after } };
      const rows = await clientOf(workspace).device.findMany({ ...DEVICE, where, take: limit });
      return rows.map(toCandidate);
    },
    async named(workspace, idsOrNames) {
      if (idsOrNames.length === 0) return new Map();
      const wanted = idsOrNames.filter((text) => !text.includes('\u0000'));
      const rows = await clientOf(workspace).device.findMany({
        where: { OR: [{ id: { in: wanted } }, { name: { in: wanted } }] },
        select: { id: true, name: true },
      });
      const byName = rows.map((row) => [row.name, row] as const);
      const known = new Map([...byName, ...rows.map((row) => [row.id, row] as const)]);
      return known;
    },
    async devices(workspace, ids) {
      const where = { id: { in: [...ids] } };
      return (await clientOf(workspace).device.findMany({ ...DEVICE, where })).map(toCandidate);
    },
    async samples(workspace, keys, through) {
      const rows = await clientOf(workspace).$queryRaw<SampleRow[]>`
        SELECT k.place, s.value, s.unit, s.quality, s.measured_at, s.received_at
        FROM unnest(
          ${keys.map(({ deviceId }) => deviceId)}::text[],
          ${keys.map(({ metric }) => metric)}::text[],
          ${keys.map(({ windowMs }) => windowMs)}::float8[]
        ) WITH ORDINALITY AS k(device_id, metric, window_ms, place)
        CROSS JOIN LATERAL (
          SELECT * FROM devices.readings r
          WHERE r.workspace_id = ${workspace} AND r.device_id = k.device_id AND r.metric = k.metric
            AND r.sequence <= ${through}
          ORDER BY r.measured_at DESC LIMIT 1
        ) newest
        CROSS JOIN LATERAL (
          SELECT newest.value, newest.unit, newest.quality, newest.measured_at, newest.received_at
          UNION
          (SELECT r.value, r.unit, r.quality, r.measured_at, r.received_at FROM devices.readings r
          WHERE r.workspace_id = ${workspace} AND r.device_id = k.device_id AND r.metric = k.metric
            AND r.sequence <= ${through} AND r.quality NOT IN (2, 3)
          ORDER BY r.measured_at DESC LIMIT 1)
          UNION
          (SELECT r.value, r.unit, r.quality, r.measured_at, r.received_at FROM devices.readings r
          WHERE k.window_ms > 0 AND r.workspace_id = ${workspace} AND r.device_id = k.device_id AND r.metric = k.metric
            AND r.measured_at >= least(newest.measured_at, newest.received_at) - make_interval(secs => k.window_ms / 1000)
            AND r.sequence <= ${through} AND r.quality NOT IN (2, 3)
          ORDER BY r.measured_at DESC LIMIT ${MAX_SAMPLES})
        ) s`;
      return toSamples(keys, rows);
    },
    async newestSequence(workspace) {
      const row = await clientOf(workspace).readingStream.findFirst({ select: { newestSequence: true } });
      return row?.newestSequence ?? 0n;
    },
    async newestReading(workspace) {
      const row = await clientOf(workspace).reading.findFirst({
        select: { sequence: true },
        orderBy: { sequence: 'desc' },
      });
      return row?.sequence ?? 0n;
    },
    async newestFact(workspace) {
      const row = await clientOf(workspace).event.findFirst({
        select: { sequence: true },
        orderBy: { sequence: 'desc' },
      });
      return row?.sequence ?? 0n;
    },
  };
}

function createWrites(): Pick<EvaluationRegistry, 'saveSlots' | 'holdRules'> {
  return {
    async saveSlots(transaction, slots) {
      const last = new Map(slots.map((slot) => [`${slot.ruleId} ${slot.deviceId}`, slot]));
      const kept = [...last.values()].filter(({ phase }) => phase.kind !== 'IDLE');
      await removeSlots(
        transaction,
        [...last.values()].filter(({ phase }) => phase.kind === 'IDLE'),
      );
      if (kept.length === 0) return;
      const column = <T>(of: (slot: SavedSlot) => T) => kept.map(of);
      await transaction.client.$executeRaw`
        INSERT INTO devices.alarm_slots
          (workspace_id, rule_id, device_id, condition_version, phase, since, due_at, alarm_id)
        SELECT ${transaction.workspace}, rule_id, device_id, condition_version, phase,
          to_timestamp(since_ms / 1000), to_timestamp(due_ms / 1000), alarm_id
        FROM unnest(
          ${column(({ ruleId }) => ruleId)}::text[], ${column(({ deviceId }) => deviceId)}::text[],
          ${column(({ conditionVersion }) => conditionVersion)}::int[], ${column(({ phase }) => phase.kind)}::text[],
          ${column(({ phase }) => ('sinceMs' in phase ? phase.sinceMs : null))}::float8[],
          ${column(({ phase }) => ('dueAtMs' in phase ? phase.dueAtMs : null))}::float8[],
          ${column(({ phase }) => ('alarmId' in phase ? phase.alarmId : null))}::text[]
        ) AS t(rule_id, device_id, condition_version, phase, since_ms, due_ms, alarm_id)
        ON CONFLICT (workspace_id, rule_id, device_id) DO UPDATE SET
          condition_version = excluded.condition_version, phase = excluded.phase, since = excluded.since,
          due_at = excluded.due_at, alarm_id = excluded.alarm_id`;
    },
    async holdRules({ client, workspace }, rules) {
      const rows = await client.$queryRaw<{ readonly id: string }[]>`
        SELECT r.id FROM devices.alarm_rules r
        JOIN unnest(${rules.map(({ id }) => id)}::text[], ${rules.map(({ version }) => version)}::int[]) AS t(id, version)
          ON t.id = r.id AND t.version = r.version
        WHERE r.workspace_id = ${workspace} AND r.enabled
        ORDER BY r.id FOR SHARE OF r`;
      return new Set(rows.map(({ id }) => id));
    },
  };
}

async function removeSlots({ client, workspace }: Transaction, slots: readonly SavedSlot[]): Promise<void> {
  if (slots.length === 0) return;
  await client.$executeRaw`
    DELETE FROM devices.alarm_slots s
    USING unnest(${slots.map(({ ruleId }) => ruleId)}::text[], ${slots.map(({ deviceId }) => deviceId)}::text[])
      AS t(rule_id, device_id)
    WHERE s.workspace_id = ${workspace} AND s.rule_id = t.rule_id AND s.device_id = t.device_id`;
}

interface PhaseColumns {
  readonly phase: string;
  readonly since: Date | null;
  readonly dueAt: Date | null;
  readonly alarmId: string | null;
}

function toPhase({ phase, since, dueAt, alarmId }: PhaseColumns): Phase {
  const sinceMs = since?.getTime() ?? 0;
  const dueAtMs = dueAt?.getTime() ?? 0;
  if (phase === 'PENDING') return { kind: 'PENDING', sinceMs, dueAtMs };
  if (alarmId === null) return { kind: 'IDLE' };
  return phase === 'CLEARING' ? { kind: 'CLEARING', alarmId, sinceMs, dueAtMs } : { kind: 'ACTIVE', alarmId };
}

interface DeviceRow extends Omit<CandidateDevice, 'createdAtMs' | 'metrics'> {
  readonly createdAt: Date;
  readonly metrics: readonly { readonly name: string }[];
}

function toCandidate({ createdAt, metrics, ...device }: DeviceRow): CandidateDevice {
  return { ...device, createdAtMs: createdAt.getTime(), metrics: metrics.map(({ name }) => name) };
}

function toSamples(keys: readonly TrackKey[], rows: readonly SampleRow[]): Sample[][] {
  const lists: Sample[][] = keys.map(() => []);
  for (const row of rows) {
    const place = Number(row.place) - 1;
    lists[place]?.push({
      metric: keys[place]?.metric ?? '',
      value: row.value,
      unit: row.unit,
      quality: toQuality(row.quality),
      measuredAtMs: row.measured_at.getTime(),
      receivedAtMs: row.received_at.getTime(),
    });
  }
  return lists;
}
