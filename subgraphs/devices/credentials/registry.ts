import type { Database, Transaction } from '../../../kernel/database/database.js';
import { Prisma } from '../../../kernel/database/workspace.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import { newId } from '../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { ChangeOrigin } from '../registry.js';
import type { KnownCredential } from './admit-device.js';

export type CredentialKind = 'TOKEN' | 'PASSWORD' | 'CERTIFICATE';

/** A credential as people see it: never its secret. */
export interface CredentialRow {
  readonly id: string;
  readonly deviceId: string;
  readonly kind: CredentialKind;
  readonly label: string | null;
  readonly username: string | null;
  readonly lastFour: string;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
  readonly lastUsedAt: Date | null;
}

/** A credential that is to be kept; it has been checked. */
export interface NewCredential {
  readonly kind: CredentialKind;
  readonly label: string | null;
  readonly digest: string;
  readonly username: string | null;
  readonly lastFour: string;
  readonly expiresAt: Date | null;
}

/** The rows of credentials. */
export type CredentialRegistry = CredentialChanges & CredentialLookups;

interface CredentialChanges {
  create(
    origin: ChangeOrigin,
    deviceId: string,
    credential: NewCredential,
  ): Promise<CredentialRow | 'NO_DEVICE' | 'TAKEN' | 'TOO_MANY'>;
  /** Within a transaction that makes the device, too. */
  insert(transaction: Transaction, deviceId: string, credential: NewCredential): Promise<CredentialRow>;
  revoke(origin: ChangeOrigin, id: string): Promise<CredentialRow | 'NOT_FOUND'>;
}

interface CredentialLookups {
  /** By its digest, in any of the workspaces that are served. */
  findByDigest(digest: string): Promise<KnownCredential | undefined>;
  /** Those of devices by device id, newest first, in one statement. */
  findOf(workspace: WorkspaceId, deviceIds: readonly string[]): Promise<Map<string, CredentialRow[]>>;
  /** Which of these may not be used any more. */
  findEnded(
    workspace: WorkspaceId,
    ids: readonly string[],
  ): Promise<{ readonly id: string; readonly deviceId: string }[]>;
  /** Stores when credentials were last used. */
  markUsed(workspace: WorkspaceId, usedAt: ReadonlyMap<string, number>): Promise<void>;
}

export interface CredentialRegistryDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly workspaces: readonly WorkspaceId[];
  /** Told once a revocation is committed. */
  readonly onRevoked: (workspace: WorkspaceId, credential: { id: string; deviceId: string }) => void;
}

/** The most credentials of a device that may be used, and the most that are kept of those that may not. */
export const MAX_CREDENTIALS = 20;
const MAX_ENDED = 80;

/** Makes the registry of credentials. Making and revoking one are facts in the event log. */
export function createCredentialRegistry(deps: CredentialRegistryDeps): CredentialRegistry {
  return { ...createChanges(deps), ...createLookups(deps) };
}

function createChanges({ database, log, onRevoked }: CredentialRegistryDeps): CredentialChanges {
  async function insert(
    { client, workspace }: Transaction,
    deviceId: string,
    credential: NewCredential,
  ): Promise<CredentialRow> {
    const id = newId('crd');
    const {
      digest: _digest,
      workspaceId: _workspaceId,
      ...row
    } = await client.deviceCredential.create({
      data: { ...credential, workspaceId: workspace, id, deviceId },
    });
    return toCredential(row);
  }

  return {
    insert,
    async create({ workspace, traceparent }, deviceId, credential) {
      try {
        return await database.inWorkspace(workspace).transaction(async (transaction) => {
          const room = await makeRoom(transaction, deviceId);
          if (room !== 'ROOM') return room;
          const row = await insert(transaction, deviceId, credential);
          await log.append(transaction, toFact('created', row, traceparent));
          return row;
        });
      } catch (error) {
        if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') return 'TAKEN';
        throw error;
      }
    },
    revoke: ({ workspace, traceparent }, id) =>
      database.inWorkspace(workspace).transaction(async (transaction) => {
        const { client } = transaction;
        const { count } = await client.deviceCredential.updateMany({
          where: { id, revokedAt: null },
          data: { revokedAt: new Date() },
        });
        const row = await client.deviceCredential.findFirst({
          where: { id },
          omit: { digest: true, workspaceId: true },
        });
        if (!row) return 'NOT_FOUND';
        const credential = toCredential(row);
        if (count === 0) return credential;
        await log.append(transaction, toFact('revoked', credential, traceparent));
        transaction.afterCommit(() => {
          onRevoked(workspace, credential);
        });
        return credential;
      }),
  };
}

function createLookups({ database, workspaces }: CredentialRegistryDeps): CredentialLookups {
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;
  const served = [...workspaces];
  return {
    async findByDigest(digest) {
      const [first] = served;
      if (first === undefined) return undefined;
      const rows = await clientOf(first).$queryRaw<KnownCredential[]>`
        SELECT workspace_id AS workspace, id, device_id AS "deviceId", expires_at AS "expiresAt", revoked_at AS "revokedAt"
        FROM devices.device_credentials WHERE digest = ${digest} AND workspace_id = ANY(${served})`;
      return rows[0];
    },
    async findOf(workspace, deviceIds) {
      const rows = await clientOf(workspace).deviceCredential.findMany({
        where: { deviceId: { in: [...deviceIds] } },
        omit: { digest: true, workspaceId: true },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      });
      const byDevice = new Map<string, CredentialRow[]>(deviceIds.map((id) => [id, []]));
      for (const row of rows) byDevice.get(row.deviceId)?.push(toCredential(row));
      return byDevice;
    },
    findEnded: (workspace, ids) =>
      clientOf(workspace).$queryRaw<{ id: string; deviceId: string }[]>`
        SELECT id, device_id AS "deviceId" FROM devices.device_credentials
        WHERE workspace_id = ${workspace} AND id = ANY(${[...ids]}) AND (revoked_at IS NOT NULL OR expires_at <= now())`,
    async markUsed(workspace, usedAt) {
      const rows = [...usedAt].sort(([a], [b]) => (a < b ? -1 : 1));
      await clientOf(workspace).$executeRaw`
        UPDATE devices.device_credentials c SET last_used_at = GREATEST(c.last_used_at, u.used_at)
        FROM unnest(${rows.map(([id]) => id)}::text[],
          ${rows.map(([, atMs]) => new Date(atMs).toISOString())}::timestamptz[]) AS u(id, used_at)
        WHERE c.workspace_id = ${workspace} AND c.id = u.id`;
    },
  };
}

/** Whether the device is there and may have one more; of those that may not be used any more, the oldest go. */
async function makeRoom(
  { client, workspace }: Transaction,
  deviceId: string,
): Promise<'ROOM' | 'NO_DEVICE' | 'TOO_MANY'> {
  // The lock has two that are made at the same moment counted one after the other.
  const devices = await client.$queryRaw<unknown[]>`
    SELECT 1 FROM devices.devices WHERE workspace_id = ${workspace} AND id = ${deviceId} FOR UPDATE`;
  if (devices.length === 0) return 'NO_DEVICE';
  const now = new Date();
  const ended = { OR: [{ revokedAt: { not: null } }, { expiresAt: { lte: now } }] };
  const usable = await client.deviceCredential.count({
    where: { deviceId, revokedAt: null, OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
  });
  if (usable >= MAX_CREDENTIALS) return 'TOO_MANY';
  const surplus = await client.deviceCredential.findMany({
    where: { deviceId, ...ended },
    orderBy: { createdAt: 'desc' },
    skip: MAX_ENDED,
    select: { id: true },
  });
  await client.deviceCredential.deleteMany({ where: { id: { in: surplus.map(({ id }) => id) } } });
  return 'ROOM';
}

function toCredential(row: Omit<CredentialRow, 'kind'> & { readonly kind: string }): CredentialRow {
  return { ...row, kind: row.kind as CredentialKind };
}

function toFact(verb: 'created' | 'revoked', { id, deviceId, kind }: CredentialRow, traceparent: string) {
  return {
    source: '/devices',
    type: `aegis.credential.${verb}`,
    subject: id,
    data: { id, deviceId, kind },
    traceparent,
  };
}
