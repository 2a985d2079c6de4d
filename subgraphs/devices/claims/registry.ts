import type { Database, Transaction } from '../../../kernel/database/database.js';
import { Prisma } from '../../../kernel/database/workspace.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import { newId } from '../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Labels } from '../fleet/labels.js';
import type { ChangeOrigin } from '../registry.js';

/** What is kept of a claim code: not the code. */
export interface ClaimCodeRow {
  readonly id: string;
  readonly lastFour: string;
  readonly profile: string;
  readonly profileVersion: number | null;
  readonly labels: Labels;
  readonly namePrefix: string;
  readonly maxUses: number;
  readonly uses: number;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
}

/** Claim codes that are to be kept, alike but for their digests; they have been checked. */
export interface NewClaimCodes extends Pick<
  ClaimCodeRow,
  'profile' | 'profileVersion' | 'labels' | 'namePrefix' | 'maxUses' | 'expiresAt'
> {
  readonly codes: readonly { readonly digest: string; readonly lastFour: string }[];
}

/** Where a page of claim codes ends. */
export interface ClaimCodePlace {
  readonly createdAt: Date;
  readonly id: string;
}

/** The rows of claim codes. */
export interface ClaimRegistry {
  /** Those that were made, in the order of the codes. */
  create(origin: ChangeOrigin, codes: NewClaimCodes): Promise<ClaimCodeRow[]>;
  /** One that can be used, in any of the workspaces that are served. */
  findUsable(digest: string): Promise<(ClaimCodeRow & { readonly workspace: WorkspaceId }) | undefined>;
  /** Uses it once, in the transaction that makes the device; false when somebody else was faster. */
  use(
    transaction: Transaction,
    use: { readonly id: string; readonly deviceId: string; readonly traceparent: string },
  ): Promise<boolean>;
  /** Whether another device's name is this one up to a dot, or this one is another's up to a dot. */
  hasRelative(transaction: Transaction, name: string): Promise<boolean>;
  /** Newest first, at most one more than `first`. */
  list(
    workspace: WorkspaceId,
    page: { readonly first: number; readonly after: ClaimCodePlace | undefined; readonly usable: boolean },
  ): Promise<ClaimCodeRow[]>;
  revoke(origin: ChangeOrigin, id: string): Promise<ClaimCodeRow | 'NOT_FOUND'>;
}

export interface ClaimRegistryDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly workspaces: readonly WorkspaceId[];
}

interface StoredClaimCode extends Omit<ClaimCodeRow, 'labels'> {
  readonly workspaceId: string;
  readonly labels: unknown;
}

const SHOWN = { omit: { digest: true } } as const;

/** Makes the registry of claim codes. */
export function createClaimRegistry({ database, log, workspaces }: ClaimRegistryDeps): ClaimRegistry {
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;
  const served = [...workspaces];
  return {
    create: ({ workspace, traceparent }, { codes, ...common }) =>
      database.inWorkspace(workspace).transaction(async (transaction) => {
        const rows = codes.map((code) => ({ ...common, ...code, workspaceId: workspace, id: newId('clm') }));
        const created = await transaction.client.claimCode.createManyAndReturn({ data: rows, ...SHOWN });
        const { profile, maxUses, expiresAt } = common;
        await log.append(transaction, {
          ...{ source: '/devices', type: 'aegis.claim-codes.created', traceparent },
          data: { ids: rows.map(({ id }) => id), profile, maxUses, expiresAt: expiresAt.toISOString() },
        });
        const byId = new Map(created.map((row) => [row.id, toClaimCode(row)]));
        return rows.flatMap(({ id }) => byId.get(id) ?? []);
      }),
    async findUsable(digest) {
      const [first] = served;
      if (first === undefined) return undefined;
      const [found] = await clientOf(first).$queryRaw<{ id: string; workspace: WorkspaceId }[]>`
        SELECT id, workspace_id AS workspace FROM devices.claim_codes
        WHERE digest = ${digest} AND workspace_id = ANY(${served}) AND ${USABLE}`;
      const row =
        found && (await clientOf(found.workspace).claimCode.findFirst({ where: { id: found.id }, ...SHOWN }));
      return row ? { ...toClaimCode(row), workspace: found.workspace } : undefined;
    },
    async use(transaction, { id, deviceId, traceparent }) {
      // One statement: of two that come for the last use at once, the second waits for the first and then finds none.
      const used = await transaction.client.$queryRaw<{ uses: number }[]>`
        UPDATE devices.claim_codes SET uses = uses + 1
        WHERE workspace_id = ${transaction.workspace} AND id = ${id} AND ${USABLE}
        RETURNING uses`;
      if (used.length === 0) return false;
      await log.append(transaction, {
        ...{ source: '/devices', type: 'aegis.claim-code.used', subject: id, traceparent },
        data: { id, deviceId },
      });
      return true;
    },
    async hasRelative({ client, workspace }, name) {
      const places = name.split('.');
      const above = places.slice(1).map((_place, index) => places.slice(0, index + 1).join('.'));
      const rows = await client.$queryRaw<unknown[]>`
        SELECT 1 FROM devices.devices
        WHERE workspace_id = ${workspace} AND (name = ANY(${above}) OR starts_with(name, ${`${name}.`})) LIMIT 1`;
      return rows.length > 0;
    },
    async list(workspace, { first, after, usable }) {
      const rows = await clientOf(workspace).$queryRaw<{ id: string }[]>`
        SELECT id FROM devices.claim_codes WHERE workspace_id = ${workspace}
          AND ${usable ? USABLE : Prisma.sql`TRUE`}
          AND ${after ? Prisma.sql`(created_at, id) < (${after.createdAt}, ${after.id})` : Prisma.sql`TRUE`}
        ORDER BY created_at DESC, id DESC LIMIT ${first + 1}`;
      const found = await clientOf(workspace).claimCode.findMany({
        where: { id: { in: rows.map(({ id }) => id) } },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        ...SHOWN,
      });
      return found.map(toClaimCode);
    },
    revoke: ({ workspace, traceparent }, id) =>
      database.inWorkspace(workspace).transaction(async (transaction) => {
        const { client } = transaction;
        const { count } = await client.claimCode.updateMany({
          where: { id, revokedAt: null },
          data: { revokedAt: new Date() },
        });
        const row = await client.claimCode.findFirst({ where: { id }, ...SHOWN });
        if (!row) return 'NOT_FOUND';
        if (count > 0) {
          await log.append(transaction, {
            ...{ source: '/devices', type: 'aegis.claim-code.revoked', subject: id, traceparent },
            data: { id },
          });
        }
        return toClaimCode(row);
      }),
  };
}

const USABLE = Prisma.sql`(revoked_at IS NULL AND expires_at > now() AND uses < max_uses)`;

function toClaimCode({ workspaceId: _workspaceId, labels, ...row }: StoredClaimCode): ClaimCodeRow {
  return { ...row, labels: labels as Labels };
}
