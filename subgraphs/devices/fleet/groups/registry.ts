import type { Database } from '../../../../kernel/database/database.js';
import { Prisma, type WorkspaceClient } from '../../../../kernel/database/workspace.js';
import type { EventLog } from '../../../../kernel/events/event-log.js';
import { newId } from '../../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { DeviceFilter } from '../../generated/schema-types.js';
import type { ChangeOrigin } from '../../registry.js';
import type { DeviceGroupModel } from '../models.js';

/** A group that is to be made; it has been checked. */
export interface NewGroup {
  readonly name: string;
  readonly description: string | null;
  readonly deviceIds: readonly string[];
  readonly selection: DeviceFilter | null;
}

/** A change to a group; what is undefined stays as it is. */
export interface GroupChange {
  readonly name: string | undefined;
  readonly description: string | null | undefined;
  readonly selection: DeviceFilter | null | undefined;
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/** The rows of groups. Each change states a fact in the event log, in the same transaction. */
export interface GroupRegistry {
  create(origin: ChangeOrigin, group: NewGroup): Promise<DeviceGroupModel | 'NAME_TAKEN' | UnknownDevice>;
  update(
    origin: ChangeOrigin,
    id: string,
    change: GroupChange,
  ): Promise<DeviceGroupModel | 'NAME_TAKEN' | 'NOT_FOUND' | UnknownDevice>;
  remove(origin: ChangeOrigin, id: string): Promise<'REMOVED' | 'NOT_FOUND'>;
  /** In any order, without those that are not there. */
  findByIds(workspace: WorkspaceId, ids: readonly string[]): Promise<DeviceGroupModel[]>;
  /** At most one more than `first`, by name. */
  list(workspace: WorkspaceId, page: GroupPage): Promise<DeviceGroupModel[]>;
  /** The groups that devices were put into, by device id, each list by name. */
  findOfDevices(
    workspace: WorkspaceId,
    deviceIds: readonly string[],
  ): Promise<Map<string, DeviceGroupModel[]>>;
}

/** A device that was to be put into a group and is not there. */
export interface UnknownDevice {
  readonly unknownDevice: string;
}

/** Which groups. */
export interface GroupPage {
  readonly first: number;
  /** The name behind which the page begins. */
  readonly after: string | undefined;
  readonly nameContains: string | undefined;
}

export interface GroupRegistryDeps {
  readonly database: Database;
  readonly log: EventLog;
}

type FactType = 'aegis.devicegroup.created' | 'aegis.devicegroup.updated' | 'aegis.devicegroup.removed';

const NOT_FOUND = { refused: 'NOT_FOUND' } as const;

/** Makes the registry of groups. */
export function createGroupRegistry({ database, log }: GroupRegistryDeps): GroupRegistry {
  /** `write` gives the group, or why nothing was changed. */
  async function change<T>(
    { workspace, traceparent }: ChangeOrigin,
    type: FactType,
    write: (client: WorkspaceClient) => Promise<Changed | { readonly refused: T }>,
  ): Promise<DeviceGroupModel | T> {
    return database.inWorkspace(workspace).transaction(async (transaction) => {
      const outcome = await write(transaction.client);
      if ('refused' in outcome) return outcome.refused;
      const { group } = outcome;
      await log.append(transaction, {
        ...{ source: '/devices', type, subject: group.id, traceparent },
        data: { id: group.id, name: group.name },
      });
      return group;
    });
  }

  return {
    ...createLookups(database),
    create: (origin, { name, description, deviceIds, selection }) =>
      refuseTakenName(
        change(origin, 'aegis.devicegroup.created', async (client) => {
          const refused = await findUnknown(client, deviceIds);
          if (refused) return { refused };
          const { workspace: workspaceId } = origin;
          const group = await client.deviceGroup.create({
            data: { workspaceId, id: newId('grp'), name, description, ...toSelection(selection) },
          });
          await addMembers(client, group, deviceIds);
          return { group };
        }),
      ),
    update: (origin, id, { name, description, selection, add, remove }) =>
      refuseTakenName(
        change<'NOT_FOUND' | UnknownDevice>(origin, 'aegis.devicegroup.updated', async (client) => {
          if (!isText(id)) return NOT_FOUND;
          const refused = await findUnknown(client, add);
          if (refused) return { refused };
          const [group] = await client.deviceGroup.updateManyAndReturn({
            where: { id },
            data: {
              updatedAt: new Date(),
              ...(name === undefined ? {} : { name }),
              ...(description === undefined ? {} : { description }),
              ...toSelection(selection),
            },
          });
          if (!group) return NOT_FOUND;
          await addMembers(client, group, add);
          if (remove.length > 0) {
            await client.deviceGroupMember.deleteMany({
              where: { groupId: id, deviceId: { in: remove.filter(isText) } },
            });
          }
          return { group };
        }),
      ),
    async remove(origin, id) {
      const outcome = await change(origin, 'aegis.devicegroup.removed', async (client) => {
        const group = isText(id) ? await client.deviceGroup.findFirst({ where: { id } }) : null;
        if (!group) return NOT_FOUND;
        await client.deviceGroup.deleteMany({ where: { id } });
        return { group };
      });
      return outcome === 'NOT_FOUND' ? outcome : 'REMOVED';
    },
  };
}

function createLookups(database: Database): Pick<GroupRegistry, 'findByIds' | 'list' | 'findOfDevices'> {
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;
  return {
    findByIds: (workspace, ids) =>
      clientOf(workspace).deviceGroup.findMany({ where: { id: { in: ids.filter(isText) } } }),
    async list(workspace, { first, after, nameContains }) {
      if ([after, nameContains].some((text) => text !== undefined && !isText(text))) return [];
      const pattern = nameContains?.replace(/[\\%_]/g, '\\$&');
      return clientOf(workspace).deviceGroup.findMany({
        where: {
          AND: [
            pattern === undefined ? {} : { name: { contains: pattern, mode: 'insensitive' } },
            after === undefined ? {} : { name: { gt: after } },
          ],
        },
        orderBy: { name: 'asc' },
        take: first + 1,
      });
    },
    async findOfDevices(workspace, deviceIds) {
      const rows = await clientOf(workspace).deviceGroupMember.findMany({
        where: { deviceId: { in: [...deviceIds] } },
        select: { deviceId: true, group: true },
        orderBy: { group: { name: 'asc' } },
      });
      const byDevice = new Map<string, DeviceGroupModel[]>(deviceIds.map((id) => [id, []]));
      for (const { deviceId, group } of rows) byDevice.get(deviceId)?.push(group);
      return byDevice;
    },
  };
}

interface Changed {
  readonly group: DeviceGroupModel;
}

/** What is undefined stays as it is. */
function toSelection(selection: DeviceFilter | null | undefined) {
  if (selection === undefined) return {};
  if (selection === null) return { selection: Prisma.DbNull };
  // Instants as texts, and no fields that are undefined.
  return { selection: JSON.parse(JSON.stringify(selection)) as Prisma.InputJsonObject };
}

/** The first of these ids that no device has. */
async function findUnknown(
  client: WorkspaceClient,
  ids: readonly string[],
): Promise<UnknownDevice | undefined> {
  if (ids.length === 0) return undefined;
  const rows = await client.device.findMany({
    where: { id: { in: ids.filter(isText) } },
    select: { id: true },
  });
  const known = new Set(rows.map(({ id }) => id));
  const unknown = ids.find((id) => !known.has(id));
  return unknown === undefined ? undefined : { unknownDevice: unknown };
}

async function addMembers(
  client: WorkspaceClient,
  group: { readonly workspaceId: string; readonly id: string },
  deviceIds: readonly string[],
): Promise<void> {
  if (deviceIds.length === 0) return;
  const { workspaceId, id: groupId } = group;
  await client.deviceGroupMember.createMany({
    data: deviceIds.map((deviceId) => ({ workspaceId, groupId, deviceId })),
    skipDuplicates: true,
  });
}

/** The unique index decides between two groups at the same moment. */
async function refuseTakenName<T>(work: Promise<T>): Promise<T | 'NAME_TAKEN'> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') return 'NAME_TAKEN';
    throw error;
  }
}

function isText(text: string): boolean {
  return !text.includes('\u0000');
}
