import type { Database, Transaction } from '../../kernel/database/database.js';
import { Prisma } from '../../kernel/database/workspace.js';
import type { EventLog } from '../../kernel/events/event-log.js';
import { newId } from '../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import { readLabels, type Labels } from './fleet/labels.js';
import type { DeviceModel } from './models.js';
import type { KnownDevice } from './readings/known-devices.js';
import type { UserError } from './generated/schema-types.js';
import {
  METRIC_FIELDS,
  METRICS_IN_ORDER,
  mergeMetrics,
  toMetric,
  toMetricRow,
} from './profiles/metric-rows.js';
import type { ProfilePin } from './profiles/profile.js';
import { checkTogether, type MetricDeclaration } from './registration.js';

/** A device that is to be registered; it has been checked. */
export interface Registration {
  readonly name: string;
  readonly description: string | null;
  /** Its own, without those of its profile. */
  readonly metrics: readonly MetricDeclaration[];
  readonly profile: DevicePin | null;
  readonly labels: Labels;
}

/** The version of a profile that a device is pinned to. */
export interface DevicePin extends ProfilePin {
  /** Its properties. */
  readonly metrics: readonly MetricDeclaration[];
}

/** A change to a device; what is undefined stays as it is. */
export interface DeviceChange {
  readonly name: string | undefined;
  readonly description: string | null | undefined;
  readonly metrics: Registration['metrics'] | undefined;
  readonly profile: DevicePin | undefined;
  readonly labels: Labels | undefined;
}

/** A device as ingestion knows it but for its profile, which its pin tells. */
export interface PinnedDevice {
  readonly device: KnownDevice;
  readonly pin: ProfilePin | undefined;
}

/** A change that does not fit the device as it is. */
export interface RefusedChange {
  readonly refused: readonly UserError[];
}

/** A calibration of one metric. */
export interface MetricCalibration {
  readonly metric: string;
  readonly gain: number;
  readonly offset: number;
  /** When it was done; null for that of the declaration. */
  readonly calibratedAt: Date | null;
}

/** On whose behalf a change is made. */
export interface ChangeOrigin {
  readonly workspace: WorkspaceId;
  readonly traceparent: string;
}

/** The changes of the registry. Each states a fact in the event log, in the same transaction. */
interface RegistryChanges {
  /** `alongside` writes what belongs to the new device in the same transaction; what it throws undoes all of it. */
  create(
    origin: ChangeOrigin,
    registration: Registration,
    alongside?: (transaction: Transaction, deviceId: string) => Promise<void>,
  ): Promise<DeviceModel | 'NAME_TAKEN'>;
  update(
    origin: ChangeOrigin,
    id: string,
    change: DeviceChange,
  ): Promise<DeviceModel | 'NAME_TAKEN' | 'NOT_FOUND' | RefusedChange>;
  /** Sets how values of a metric are calibrated. */
  calibrate(
    origin: ChangeOrigin,
    id: string,
    calibration: MetricCalibration,
  ): Promise<DeviceModel | 'NOT_FOUND'>;
  /** Removes a device with its metrics. Its readings are not seen any more; retention deletes them. */
  remove(origin: ChangeOrigin, id: string): Promise<'REMOVED' | 'NOT_FOUND'>;
}

interface RegistryLookups {
  isNameTaken(workspace: WorkspaceId, name: string, exceptId?: string): Promise<boolean>;
  /** The devices with these ids, in any order, without those that are not there. */
  findByIds(workspace: WorkspaceId, ids: readonly string[]): Promise<DeviceModel[]>;
  /** The metrics of devices by device id, each list in the order of declaration. */
  findMetrics(workspace: WorkspaceId, ids: readonly string[]): Promise<Map<string, MetricDeclaration[]>>;
  /** The device with this id or, when there is none, this name, and what it is pinned to. */
  findKnown(workspace: WorkspaceId, idOrName: string): Promise<PinnedDevice | undefined>;
  /** What devices are pinned to, by their ids; without those that are not there or have no profile. */
  findPins(workspace: WorkspaceId, ids: readonly string[]): Promise<Map<string, ProfilePin>>;
}

/** The rows of devices and their metrics. */
export type DeviceRegistry = RegistryChanges & RegistryLookups;

export interface DeviceRegistryDeps {
  readonly database: Database;
  readonly log: EventLog;
  /** Told of each device that was registered, changed or removed, once that is committed. */
  readonly onChange: (workspace: WorkspaceId, device: { readonly id: string; readonly name: string }) => void;
  /** Told once the removal of a device is committed: there may be readings to delete. */
  readonly onRemoved?: () => void;
}

type FactType = 'aegis.device.registered' | 'aegis.device.updated' | 'aegis.device.removed';

interface StatedDevice {
  readonly id: string;
  readonly name: string;
  readonly metrics: readonly { readonly name: string; readonly unit: string }[];
  readonly profileName: string | null;
  readonly profileVersion: number | null;
  readonly traceparent: string;
}

/** Makes the registry of devices. */
export function createDeviceRegistry(deps: DeviceRegistryDeps): DeviceRegistry {
  const stateFact = createFacts(deps);
  return {
    ...createChanges(deps, stateFact),
    ...createCalibration(deps, stateFact),
    ...createLookups(deps.database),
  };
}

/** States a fact in a transaction, and tells of the change once that is committed. */
type StateFact = (transaction: Transaction, type: FactType, device: StatedDevice) => Promise<void>;

function createFacts({ log, onChange }: DeviceRegistryDeps): StateFact {
  return async (transaction, type, { id, name, metrics, profileName, profileVersion, traceparent }) => {
    const profile = toPin(profileName, profileVersion);
    const declared = metrics.map(({ name: metric, unit }) => ({ name: metric, unit }));
    await log.append(transaction, {
      source: '/devices',
      type,
      subject: id,
      data: { id, name, metrics: declared, ...(profile ? { profile: { ...profile } } : {}) },
      traceparent,
    });
    transaction.afterCommit(() => {
      onChange(transaction.workspace, { id, name });
    });
  };
}

function createChanges(
  deps: DeviceRegistryDeps,
  stateFact: StateFact,
): Pick<DeviceRegistry, 'create' | 'update' | 'remove'> {
  const { database } = deps;
  return {
    create({ workspace, traceparent }, { name, description, metrics: own, profile, labels }, alongside) {
      return refuseTakenName(
        database.inWorkspace(workspace).transaction(async (transaction) => {
          const id = newId('dev');
          const metrics = [...(profile?.metrics ?? []), ...own];
          const row = await transaction.client.device.create({
            data: { workspaceId: workspace, id, name, description, labels, ...toPinColumns(profile) },
          });
          await transaction.client.deviceMetric.createMany({ data: toMetricRows(workspace, id, metrics) });
          await alongside?.(transaction, id);
          await stateFact(transaction, 'aegis.device.registered', { ...row, metrics, traceparent });
          return row;
        }),
      );
    },
    async update({ workspace, traceparent }, id, change) {
      if (!isText(id)) return 'NOT_FOUND';
      return refuseTakenName(
        database.inWorkspace(workspace).transaction(async (transaction) => {
          const { client } = transaction;
          const former = await client.device.findFirst({
            where: { id },
            include: { metrics: METRICS_IN_ORDER },
          });
          if (!former) return 'NOT_FOUND';
          const { own, ofProfile } = mergeMetrics(former.metrics.map(toMetric), {
            own: change.metrics,
            ofProfile: change.profile?.metrics,
          });
          const refused = checkTogether(own, ofProfile);
          if (refused.length > 0) return { refused };
          const [row] = await client.device.updateManyAndReturn({ where: { id }, data: toColumns(change) });
          if (!row) return 'NOT_FOUND';
          const metrics = [...ofProfile, ...own];
          if (change.metrics ?? change.profile) {
            await client.deviceMetric.deleteMany({ where: { deviceId: id } });
            await client.deviceMetric.createMany({ data: toMetricRows(workspace, id, metrics) });
          }
          await stateFact(transaction, 'aegis.device.updated', { ...row, metrics, traceparent });
          return row;
        }),
      );
    },
    async remove({ workspace, traceparent }, id) {
      if (!isText(id)) return 'NOT_FOUND';
      return database.inWorkspace(workspace).transaction(async (transaction) => {
        const { client } = transaction;
        const row = await client.device.findFirst({ where: { id }, include: { metrics: METRICS_IN_ORDER } });
        if (!row) return 'NOT_FOUND';
        // Its readings may be millions: they are seen no more without their device, and are deleted in the background.
        const { count } = await client.device.deleteMany({ where: { id } });
        if (count === 0) return 'NOT_FOUND';
        await stateFact(transaction, 'aegis.device.removed', { ...row, traceparent });
        transaction.afterCommit(() => deps.onRemoved?.());
        return 'REMOVED';
      });
    },
  };
}

function createCalibration(
  { database }: DeviceRegistryDeps,
  stateFact: StateFact,
): Pick<DeviceRegistry, 'calibrate'> {
  return {
    async calibrate({ workspace, traceparent }, id, { metric, ...calibration }) {
      if (!isText(id) || !isText(metric)) return 'NOT_FOUND';
      return database.inWorkspace(workspace).transaction(async (transaction) => {
        const { client } = transaction;
        const { count } = await client.deviceMetric.updateMany({
          where: { deviceId: id, name: metric },
          data: calibration,
        });
        const [row] = await client.device.updateManyAndReturn({
          where: { id },
          data: { updatedAt: new Date() },
        });
        if (!row || count === 0) return 'NOT_FOUND';
        const metrics = await client.deviceMetric.findMany({
          where: { deviceId: id },
          ...METRICS_IN_ORDER,
        });
        await stateFact(transaction, 'aegis.device.updated', { ...row, metrics, traceparent });
        return row;
      });
    },
  };
}

function createLookups(database: Database): RegistryLookups {
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;
  return {
    async isNameTaken(workspace, name, exceptId) {
      const row = await clientOf(workspace).device.findFirst({ where: { name }, select: { id: true } });
      return row !== null && row.id !== exceptId;
    },
    findByIds: (workspace, ids) =>
      clientOf(workspace).device.findMany({ where: { id: { in: ids.filter(isText) } } }),
    async findMetrics(workspace, ids) {
      const rows = await clientOf(workspace).deviceMetric.findMany({
        where: { deviceId: { in: ids.filter(isText) } },
        select: { ...METRIC_FIELDS, deviceId: true },
        orderBy: [{ deviceId: 'asc' }, { position: 'asc' }],
      });
      const byDevice = new Map<string, MetricDeclaration[]>(ids.map((id) => [id, []]));
      for (const { deviceId, ...row } of rows) byDevice.get(deviceId)?.push(toMetric(row));
      return byDevice;
    },
    async findPins(workspace, ids) {
      const rows = await clientOf(workspace).device.findMany({
        where: { id: { in: ids.filter(isText) }, profileName: { not: null } },
        select: { id: true, profileName: true, profileVersion: true },
      });
      return new Map(
        rows.flatMap(({ id, profileName, profileVersion }) => {
          const pin = toPin(profileName, profileVersion);
          return pin ? [[id, pin]] : [];
        }),
      );
    },
    async findKnown(workspace, idOrName) {
      if (!isText(idOrName)) return undefined;
      const rows = await clientOf(workspace).device.findMany({
        where: { OR: [{ id: idOrName }, { name: idOrName }] },
        select: {
          ...{ id: true, name: true, labels: true, metrics: METRICS_IN_ORDER },
          ...{ profileName: true, profileVersion: true },
        },
      });
      const row = rows.find(({ id }) => id === idOrName) ?? rows[0];
      if (!row) return undefined;
      const { id, name, profileName, profileVersion } = row;
      return {
        device: {
          ...{ id, name, labels: readLabels(row.labels) },
          metrics: new Map(row.metrics.map((metric) => [metric.name, toMetric(metric)])),
        },
        pin: toPin(profileName, profileVersion),
      };
    },
  };
}

/** Whether Postgres can hold it: a text there has no NUL, so nothing is named by one that has. */
function isText(text: string): boolean {
  return !text.includes('\u0000');
}

/** The rows of a device's metrics, in the order of their declaration. */
export function toMetricRows(
  workspaceId: WorkspaceId,
  deviceId: string,
  metrics: readonly MetricDeclaration[],
) {
  return metrics.map((metric, position) => ({ ...toMetricRow(metric), workspaceId, deviceId, position }));
}

function toColumns({ name, description, profile, labels }: DeviceChange) {
  return {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...(labels === undefined ? {} : { labels }),
    ...(profile === undefined ? {} : toPinColumns(profile)),
  };
}

function toPin(name: string | null, version: number | null): ProfilePin | undefined {
  return name === null || version === null ? undefined : { name, version };
}

/** The columns of a device that tell what it is pinned to. */
export function toPinColumns(profile: DevicePin | null) {
  return { profileName: profile?.name ?? null, profileVersion: profile?.version ?? null };
}

/** The unique index decides between two registrations at the same moment. */
async function refuseTakenName<T>(work: Promise<T>): Promise<T | 'NAME_TAKEN'> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') return 'NAME_TAKEN';
    throw error;
  }
}
