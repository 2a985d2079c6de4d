import type { Database, Transaction } from '../../../../kernel/database/database.js';
import type { EventLog } from '../../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { isDeviceId } from '../../device-id.js';
import { applyMergePatch, findDelta, makeMergePatch, type JsonObject } from '../merge-patch.js';
import type { DeviceTwinModel, TwinSide } from '../models.js';
import { toTwin, type TwinRow } from './twin-row.js';

/** A change that is to be made; its patch has been checked. */
export interface NewTwinChange {
  readonly workspace: WorkspaceId;
  readonly deviceId: string;
  readonly side: TwinSide;
  /** Merge patch, RFC 7396. */
  readonly patch: JsonObject;
  /** Refused when the side has changed since this version of the twin; undefined changes it whatever it is. */
  readonly expectedVersion?: number | undefined;
  readonly changedBy: string;
  readonly traceparent?: string | undefined;
}

/** What came of a change. `unchanged`: the patch said nothing new, and no version was given out for it. */
export type TwinChangeOutcome =
  | { readonly kind: 'changed' | 'unchanged'; readonly twin: DeviceTwinModel }
  | { readonly kind: 'conflict'; readonly twin: DeviceTwinModel }
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'no-device' };

/** What a device is still to be handed. */
export interface DueDesired {
  readonly version: number;
  readonly desired: JsonObject;
}

/** The rows of twins. */
export interface TwinStore {
  /** Makes one change and states it as a fact, in one transaction. */
  change(change: NewTwinChange): Promise<TwinChangeOutcome>;
  /**
   * What a device is to be handed: what is desired in a version that it was not handed yet, or, when its session is new,
   * whenever it has not reported all of it. Undefined when there is nothing.
   */
  findDue(workspace: WorkspaceId, deviceId: string, isNewSession: boolean): Promise<DueDesired | undefined>;
  /** Remembers that the device was handed what is desired, up to a version. */
  markDelivered(workspace: WorkspaceId, deviceId: string, version: number): Promise<void>;
  /** Removes changes from before an instant, at most `limit`; how many. */
  pruneHistory(workspace: WorkspaceId, before: Date, limit: number): Promise<number>;
}

export interface TwinStoreDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly now: () => Date;
  /** The most bytes that one side of a twin may have as JSON. */
  readonly maxDocumentBytes: number;
}

/** The most names of members that a fact tells. */
const MAX_FACT_KEYS = 50;

/** Makes the store of twins. */
export function createTwinStore(deps: TwinStoreDeps): TwinStore {
  const { database } = deps;
  return {
    change: ({ workspace, ...change }) =>
      database
        .inWorkspace(workspace)
        .transaction((transaction) => changeTwin(transaction, { workspace, ...change }, deps)),
    async findDue(workspace, deviceId, isNewSession) {
      const row = await database.inWorkspace(workspace).client.deviceTwin.findFirst({
        where: { deviceId, desiredVersion: { gt: 0 } },
      });
      if (!row) return undefined;
      const desired = row.desired as JsonObject;
      const isNew = row.deliveredVersion < row.desiredVersion;
      const isUnmet = () => Object.keys(findDelta(desired, row.reported as JsonObject)).length > 0;
      return isNew || (isNewSession && isUnmet()) ? { version: row.desiredVersion, desired } : undefined;
    },
    async markDelivered(workspace, deviceId, version) {
      await database.inWorkspace(workspace).client.$executeRaw`
        UPDATE devices.device_twins SET delivered_version = ${version}
        WHERE workspace_id = ${workspace} AND device_id = ${deviceId} AND delivered_version < ${version}`;
    },
    pruneHistory: (workspace, before, limit) =>
      database.inWorkspace(workspace).client.$executeRaw`
        DELETE FROM devices.twin_changes WHERE ctid = ANY(ARRAY(
          SELECT ctid FROM devices.twin_changes
          WHERE workspace_id = ${workspace} AND changed_at < ${before.toISOString()}::timestamptz LIMIT ${limit}
        ))`,
  };
}

async function changeTwin(
  transaction: Transaction,
  change: NewTwinChange,
  deps: TwinStoreDeps,
): Promise<TwinChangeOutcome> {
  const row = await lockTwin(transaction, change.deviceId);
  if (!row) return { kind: 'no-device' };
  const twin = toTwin(row);
  if (isOutdated(twin, change)) return { kind: 'conflict', twin };
  const before = change.side === 'REPORTED' ? twin.reported : twin.desired;
  const after = applyMergePatch(before, change.patch);
  const undo = makeMergePatch(after, before);
  if (Object.keys(undo).length === 0) return { kind: 'unchanged', twin };
  const bytes = Buffer.byteLength(JSON.stringify(after));
  if (bytes > deps.maxDocumentBytes) return { kind: 'too-large', bytes };
  const changed = await writeChange(transaction, change, { twin, after, undo, now: deps.now() });
  await deps.log.append(transaction, {
    source: '/devices',
    type: change.side === 'REPORTED' ? 'aegis.device.twin.reported' : 'aegis.device.twin.desired',
    subject: change.deviceId,
    // Names alone: a value may be none of the business of whoever reads the log.
    data: {
      deviceId: change.deviceId,
      version: changed.version,
      keys: Object.keys(change.patch).slice(0, MAX_FACT_KEYS),
    },
    ...(change.traceparent === undefined ? {} : { traceparent: change.traceparent }),
  });
  return { kind: 'changed', twin: changed };
}

/** The twin of a device, kept from others until the end of the transaction; undefined when there is no such device. */
async function lockTwin({ client, workspace }: Transaction, deviceId: string): Promise<TwinRow | undefined> {
  if (!isDeviceId(deviceId)) return undefined;
  const find = () => client.$queryRaw<TwinRow[]>`
    SELECT * FROM devices.device_twins WHERE workspace_id = ${workspace} AND device_id = ${deviceId} FOR UPDATE`;
  const [known] = await find();
  if (known) return known;
  await client.$executeRaw`
    INSERT INTO devices.device_twins (workspace_id, device_id)
    SELECT workspace_id, id FROM devices.devices WHERE workspace_id = ${workspace} AND id = ${deviceId}
    ON CONFLICT DO NOTHING`;
  const [made] = await find();
  return made;
}

function isOutdated(
  { version, desiredVersion, reportedVersion }: DeviceTwinModel,
  { side, expectedVersion }: NewTwinChange,
): boolean {
  if (expectedVersion === undefined) return false;
  const changed = side === 'REPORTED' ? reportedVersion : desiredVersion;
  // What the other side has changed since then is no conflict; a version that is not there yet is.
  return expectedVersion < changed || expectedVersion > version;
}

interface ChangeContent {
  readonly twin: DeviceTwinModel;
  readonly after: JsonObject;
  readonly undo: JsonObject;
  readonly now: Date;
}

async function writeChange(
  { client, workspace }: Transaction,
  { deviceId, side, patch, changedBy }: NewTwinChange,
  { twin, after, undo, now }: ChangeContent,
): Promise<DeviceTwinModel> {
  const version = twin.version + 1;
  const isReport = side === 'REPORTED';
  const formerVersion = isReport ? twin.reportedVersion : twin.desiredVersion;
  const formerAt = (isReport ? twin.reportedAt : twin.desiredAt)?.toISOString() ?? null;
  // The clocks of several processes differ: in the history of one twin, time never goes back.
  const at = new Date(
    Math.max(now.getTime(), twin.reportedAt?.getTime() ?? 0, twin.desiredAt?.getTime() ?? 0),
  );
  await client.$executeRaw`
    INSERT INTO devices.twin_changes
      (workspace_id, device_id, version, side, patch, undo, former_version, former_at, changed_by, changed_at)
    VALUES (${workspace}, ${deviceId}, ${version}, ${side}, ${JSON.stringify(patch)}::jsonb,
      ${JSON.stringify(undo)}::jsonb, ${formerVersion}, ${formerAt}::timestamptz, ${changedBy},
      ${at.toISOString()}::timestamptz)`;
  await client.deviceTwin.updateMany({
    where: { deviceId },
    data: isReport
      ? { version, reported: after as object, reportedVersion: version, reportedAt: at }
      : { version, desired: after as object, desiredVersion: version, desiredAt: at },
  });
  return isReport
    ? { ...twin, version, reported: after, reportedVersion: version, reportedAt: at }
    : { ...twin, version, desired: after, desiredVersion: version, desiredAt: at };
}
