import type { Database } from '../../../kernel/database/database.js';
import { Prisma } from '../../../kernel/database/workspace.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { isDeviceId } from '../device-id.js';
import type { ChangeOrigin } from '../registry.js';

/** Where a device is reached. */
export interface StoredEndpoint {
  readonly deviceId: string;
  /** As `formatEndpoint` writes it. */
  readonly url: string;
}

/** The rows of endpoints. */
export interface EndpointRegistry {
  /** Sets where a device is reached, or, with null, that it comes by itself. */
  set(origin: ChangeOrigin, deviceId: string, url: string | null): Promise<'SET' | 'NO_DEVICE' | 'TAKEN'>;
  /** Those of devices by device id, in one statement. */
  findOf(workspace: WorkspaceId, deviceIds: readonly string[]): Promise<Map<string, string>>;
  /** Those that begin with a text, in the order of their devices. */
  list(workspace: WorkspaceId, prefix: string, limit: number): Promise<StoredEndpoint[]>;
}

export interface EndpointRegistryDeps {
  readonly database: Database;
  readonly log: EventLog;
  /** Told of each device whose endpoint was set, once that is committed. */
  readonly onChange: (workspace: WorkspaceId, device: { readonly id: string; readonly name: string }) => void;
}

/** Makes the registry. Each change is a fact in the event log: `aegis.device.addressed`. */
export function createEndpointRegistry({ database, log, onChange }: EndpointRegistryDeps): EndpointRegistry {
  return {
    async set({ workspace, traceparent }, deviceId, url) {
      if (!isDeviceId(deviceId)) return 'NO_DEVICE';
      return refuseTaken(
        database.inWorkspace(workspace).transaction(async (transaction) => {
          const { client } = transaction;
          const device = await client.device.findFirst({ where: { id: deviceId }, select: { name: true } });
          if (!device) return 'NO_DEVICE';
          await client.deviceEndpoint.deleteMany({ where: { deviceId } });
          if (url !== null)
            await client.deviceEndpoint.create({ data: { workspaceId: workspace, deviceId, url } });
          const { name } = device;
          await log.append(transaction, {
            source: '/devices',
            type: 'aegis.device.addressed',
            subject: deviceId,
            data: { id: deviceId, name, endpoint: url },
            traceparent,
          });
          transaction.afterCommit(() => {
            onChange(workspace, { id: deviceId, name });
          });
          return 'SET';
        }),
      );
    },
    async findOf(workspace, deviceIds) {
      const rows = await database.inWorkspace(workspace).client.deviceEndpoint.findMany({
        where: { deviceId: { in: [...deviceIds] } },
        select: { deviceId: true, url: true },
      });
      return new Map(rows.map(({ deviceId, url }) => [deviceId, url]));
    },
    list: (workspace, prefix, limit) =>
      database.inWorkspace(workspace).client.deviceEndpoint.findMany({
        where: { url: { startsWith: prefix } },
        select: { deviceId: true, url: true },
        orderBy: { deviceId: 'asc' },
        take: limit,
      }),
  };
}

/** Source: Prisma's error reference; P2002 is a row that breaks a unique key. */
async function refuseTaken(work: Promise<'SET' | 'NO_DEVICE'>): Promise<'SET' | 'NO_DEVICE' | 'TAKEN'> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') return 'TAKEN';
    throw error;
  }
}
