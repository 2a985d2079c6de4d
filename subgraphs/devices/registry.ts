import type { Database, Transaction } from '../../kernel/database/database.js';
import { Prisma } from '../../kernel/database/workspace.js';
import type { EventLog } from '../../kernel/events/event-log.js';
import { newId } from '../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import { isByName, type DevicePlace } from './device-page.js';
import type { DeviceFilter, DeviceOrder } from './generated/schema-types.js';
import type { DeviceModel } from './models.js';
import type { KnownDevice } from './readings/known-devices.js';
import type { MetricDeclaration } from './registration.js';

/** A device that is to be registered; it has been checked. */
export interface Registration {
  readonly name: string;
  readonly description: string | null;
  readonly metrics: readonly MetricDeclaration[];
}

/** A change to a device; what is undefined stays as it is. */
export type DeviceChange = { readonly [K in keyof Registration]: Registration[K] | undefined };

/** On whose behalf a change is made. */
export interface ChangeOrigin {
  readonly workspace: WorkspaceId;
  readonly traceparent: string;
}

export interface DeviceListOptions {
  readonly first: number;
  readonly after: DevicePlace | undefined;
  readonly filter: DeviceFilter;
  readonly order: DeviceOrder;
}

/** The changes of the registry. Each states a fact in the event log, in the same transaction. */
interface RegistryChanges {
  create(origin: ChangeOrigin, registration: Registration): Promise<DeviceModel | 'NAME_TAKEN'>;
  update(
    origin: ChangeOrigin,
    id: string,
    change: DeviceChange,
  ): Promise<DeviceModel | 'NAME_TAKEN' | 'NOT_FOUND'>;
  /** Removes a device with its metrics. Its readings are not seen any more; retention deletes them. */
  remove(origin: ChangeOrigin, id: string): Promise<'REMOVED' | 'NOT_FOUND'>;
}

interface RegistryLookups {
  isNameTaken(workspace: WorkspaceId, name: string, exceptId?: string): Promise<boolean>;
  /** The devices with these ids, in any order, without those that are not there. */
  findByIds(workspace: WorkspaceId, ids: readonly string[]): Promise<DeviceModel[]>;
  /** The metrics of devices by device id, each list in the order of declaration. */
  findMetrics(workspace: WorkspaceId, ids: readonly string[]): Promise<Map<string, MetricDeclaration[]>>;
  /** At most one device more than `first`, which tells that there is another page. */
  list(workspace: WorkspaceId, options: DeviceListOptions): Promise<DeviceModel[]>;
  /** The device with this id or, when there is none, this name. */
  findKnown(workspace: WorkspaceId, idOrName: string): Promise<KnownDevice | undefined>;
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

const METRIC_FIELDS = { name: true, unit: true, description: true, minimum: true, maximum: true } as const;
const METRICS_IN_ORDER = { select: METRIC_FIELDS, orderBy: { position: 'asc' } } as const;

type FactType = 'aegis.device.registered' | 'aegis.device.updated' | 'aegis.device.removed';

interface StatedDevice {
  readonly id: string;
  readonly name: string;
  readonly metrics: readonly MetricDeclaration[];
  readonly traceparent: string;
}

/** Makes the registry of devices. */
export function createDeviceRegistry(deps: DeviceRegistryDeps): DeviceRegistry {
  return { ...createChanges(deps), ...createLookups(deps.database) };
}

function createChanges(deps: DeviceRegistryDeps): RegistryChanges {
  const { database, log, onChange } = deps;

  async function stateFact(
    transaction: Transaction,
    type: FactType,
    { id, name, metrics, traceparent }: StatedDevice,
  ): Promise<void> {
    const declared = metrics.map(({ name: metric, unit }) => ({ name: metric, unit }));
    await log.append(transaction, {
      source: '/devices',
      type,
      subject: id,
      data: { id, name, metrics: declared },
      traceparent,
    });
    transaction.afterCommit(() => {
      onChange(transaction.workspace, { id, name });
    });
  }

  return {
    create({ workspace, traceparent }, { name, description, metrics }) {
      return refuseTakenName(
        database.inWorkspace(workspace).transaction(async (transaction) => {
          const id = newId('dev');
          const row = await transaction.client.device.create({
            data: { workspaceId: workspace, id, name, description },
          });
          await transaction.client.deviceMetric.createMany({ data: toMetricRows(workspace, id, metrics) });
          await stateFact(transaction, 'aegis.device.registered', { id, name, metrics, traceparent });
          return row;
        }),
      );
    },
    async update({ workspace, traceparent }, id, { name, description, metrics }) {
      if (!isText(id)) return 'NOT_FOUND';
      return refuseTakenName(
        database.inWorkspace(workspace).transaction(async (transaction) => {
          const { client } = transaction;
          const former = await client.device.findFirst({
            where: { id },
            include: { metrics: METRICS_IN_ORDER },
          });
          if (!former) return 'NOT_FOUND';
          const [row] = await client.device.updateManyAndReturn({
            where: { id },
            data: {
              ...(name === undefined ? {} : { name }),
              ...(description === undefined ? {} : { description }),
            },
          });
          if (!row) return 'NOT_FOUND';
          if (metrics) {
            await client.deviceMetric.deleteMany({ where: { deviceId: id } });
            await client.deviceMetric.createMany({ data: toMetricRows(workspace, id, metrics) });
          }
          const current = { id, name: row.name, metrics: metrics ?? former.metrics, traceparent };
          await stateFact(transaction, 'aegis.device.updated', current);
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
      for (const { deviceId, ...metric } of rows) byDevice.get(deviceId)?.push(metric);
      return byDevice;
    },
    async list(workspace, { first, after, filter, order }) {
      if (!Object.values(filter).every((text) => text == null || isText(text))) return [];
      return clientOf(workspace).device.findMany({
        where: { AND: [toCondition(filter), after ? behind(order, after) : {}] },
        orderBy: toOrderBy(order),
        take: first + 1,
      });
    },
    async findKnown(workspace, idOrName) {
      if (!isText(idOrName)) return undefined;
      const rows = await clientOf(workspace).device.findMany({
        where: { OR: [{ id: idOrName }, { name: idOrName }] },
        select: { id: true, name: true, metrics: METRICS_IN_ORDER },
      });
      const row = rows.find(({ id }) => id === idOrName) ?? rows[0];
      return row && { ...row, metrics: new Map(row.metrics.map((metric) => [metric.name, metric])) };
    },
  };
}

/** Whether Postgres can hold it: a text there has no NUL, so nothing is named by one that has. */
function isText(text: string): boolean {
  return !text.includes('\u0000');
}

function toMetricRows(workspaceId: WorkspaceId, deviceId: string, metrics: readonly MetricDeclaration[]) {
  return metrics.map((metric, position) => ({ ...metric, workspaceId, deviceId, position }));
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

function toCondition({ name, nameContains, metric }: DeviceFilter): Prisma.DeviceWhereInput {
  return {
    ...(name == null ? {} : { name: { equals: name } }),
    ...(metric == null ? {} : { metrics: { some: { name: metric } } }),
    ...(nameContains == null
      ? {}
      : { AND: [{ name: { contains: escapeLike(nameContains), mode: 'insensitive' } }] }),
  };
}

/** Prisma passes `%` and `_` on to LIKE, where they stand for any text. */
function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}

function toOrderBy(order: DeviceOrder): Prisma.DeviceOrderByWithRelationInput[] {
  const direction = isDescending(order) ? 'desc' : 'asc';
  return [isByName(order) ? { name: direction } : { createdAt: direction }, { id: direction }];
}

function behind(order: DeviceOrder, { key, id }: DevicePlace): Prisma.DeviceWhereInput {
  const beyond = <T>(value: T) => (isDescending(order) ? { lt: value } : { gt: value });
  const tie = { id: beyond(id) };
  return typeof key === 'string'
    ? { OR: [{ name: beyond(key) }, { name: key, ...tie }] }
    : { OR: [{ createdAt: beyond(key) }, { createdAt: key, ...tie }] };
}

function isDescending(order: DeviceOrder): boolean {
  return order === 'NAME_DESC' || order === 'CREATED_AT_DESC';
}
