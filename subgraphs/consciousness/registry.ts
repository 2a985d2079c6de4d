import type { Transaction, WorkspaceDatabase } from '../../kernel/database/database.js';
import type { NodeModel } from './models.js';
import { isDeviceSignal, type Signal } from './signal.js';

/** A device as its facts told of it. */
export interface KnownDevice {
  readonly id: string;
  readonly name: string;
  /** Names of its metrics, in the order of their declaration. */
  readonly metrics: readonly string[];
}

/** The nodes of one workspace and the devices that it knows of: rows in, rows out. */
export interface Registry {
  /** Makes others that change nodes wait until this transaction has ended. Only inside a transaction. */
  lock(): Promise<void>;
  /** All nodes, by index. */
  listNodes(): Promise<readonly NodeModel[]>;
  /** The nodes with these indexes, in no order; those that do not exist are left out. */
  findNodes(indexes: readonly number[]): Promise<readonly NodeModel[]>;
  /** The nodes whose signal is a metric of one of these devices, by index. */
  findNodesOfDevices(deviceIds: readonly string[]): Promise<readonly NodeModel[]>;
  /** Makes the nodes 0 to `count` − 1 exist and no others; returns the indexes of the new ones. */
  setNodeCount(count: number): Promise<readonly number[]>;
  /** Gives a node its signal, or takes it away. */
  setSignal(index: number, signal: Signal | undefined): Promise<void>;
  /** Takes the signals away that are metrics of this device, except those in `kept`. */
  clearSignals(deviceId: string, kept: readonly string[]): Promise<void>;
  findDevice(id: string): Promise<KnownDevice | undefined>;
  /** Which of these ids are of devices that it knows. */
  findKnownIds(ids: readonly string[]): Promise<ReadonlySet<string>>;
  findDeviceByName(name: string): Promise<KnownDevice | undefined>;
  saveDevice(device: KnownDevice): Promise<void>;
  removeDevice(id: string): Promise<void>;
}

/** With the workspace's hash: taken by a transaction that changes nodes. */
const NODES_LOCK = 7_263_101;

interface NodeRow {
  readonly index: number;
  readonly deviceId: string | null;
  readonly metric: string | null;
  readonly pushed: boolean;
}

function toNode({ index, deviceId, metric, pushed }: NodeRow): NodeModel {
  if (pushed) return { index, signal: { own: 'STATE', index } };
  return { index, signal: deviceId === null || metric === null ? undefined : { deviceId, metric } };
}

/** What is stored of a signal. */
function toColumns(signal: Signal | undefined): Omit<NodeRow, 'index'> {
  if (signal === undefined) return { deviceId: null, metric: null, pushed: false };
  if (isDeviceSignal(signal)) return { deviceId: signal.deviceId, metric: signal.metric, pushed: false };
  return { deviceId: null, metric: null, pushed: signal.own === 'STATE' };
}

/** The registry of a workspace; inside a transaction, the one made from the transaction. */
export function createRegistry({
  client,
  workspace,
}: Pick<WorkspaceDatabase | Transaction, 'client' | 'workspace'>): Registry {
  const workspaceId = workspace;
  return {
    async lock() {
      await client.$executeRaw`SELECT pg_advisory_xact_lock(${NODES_LOCK}::int, hashtext(${workspace}))`;
    },
    async listNodes() {
      return (await client.node.findMany({ orderBy: { index: 'asc' } })).map(toNode);
    },
    async findNodes(indexes) {
      return (await client.node.findMany({ where: { index: { in: [...indexes] } } })).map(toNode);
    },
    async findNodesOfDevices(deviceIds) {
      const where = { deviceId: { in: [...deviceIds] } };
      return (await client.node.findMany({ where, orderBy: { index: 'asc' } })).map(toNode);
    },
    async setNodeCount(count) {
      await client.node.deleteMany({ where: { index: { gte: count } } });
      const created = await client.node.createManyAndReturn({
        data: Array.from({ length: count }, (_, index) => ({ workspaceId, index })),
        skipDuplicates: true,
        select: { index: true },
      });
      return created.map(({ index }) => index);
    },
    async setSignal(index, signal) {
      await client.node.updateMany({ where: { index }, data: toColumns(signal) });
    },
    async clearSignals(deviceId, kept) {
      const where = { deviceId, metric: { notIn: [...kept] } };
      await client.node.updateMany({ where, data: { deviceId: null, metric: null } });
    },
    async findDevice(id) {
      return (await client.knownDevice.findFirst({ where: { id } })) ?? undefined;
    },
    async findKnownIds(ids) {
      const where = { id: { in: [...ids] } };
      return new Set(
        (await client.knownDevice.findMany({ where, select: { id: true } })).map(({ id }) => id),
      );
    },
    async findDeviceByName(name) {
      return (await client.knownDevice.findFirst({ where: { name } })) ?? undefined;
    },
    async saveDevice({ id, name, metrics }) {
      const data = { name, metrics: [...metrics] };
      await client.knownDevice.upsert({
        where: { workspaceId_id: { workspaceId, id } },
        create: { workspaceId, id, ...data },
        update: data,
      });
    },
    async removeDevice(id) {
      await client.knownDevice.deleteMany({ where: { id } });
    },
  };
}
