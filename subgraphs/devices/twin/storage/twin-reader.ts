import type { Database } from '../../../../kernel/database/database.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { isDeviceId } from '../../device-id.js';
import { applyMergePatch } from '../merge-patch.js';
import type { DeviceEventModel, DeviceTwinModel, TwinChangeModel, TwinSide } from '../models.js';
import { emptyTwin, toTwin, toTwinChange, type TwinChangeRow, type TwinRow } from './twin-row.js';

/** A stretch of a device's list, newest first: what comes behind a place. */
interface PageKey {
  readonly deviceId: string;
  readonly limit: number;
  readonly behind: bigint | undefined;
}

/** A page of the history of a device's twin. */
export interface HistoryKey extends PageKey {
  readonly side: TwinSide | undefined;
}

/** A page of the events that a device has told. */
export interface DeviceEventsKey extends PageKey {
  readonly names: readonly string[] | undefined;
}

/** A twin at an instant. */
export interface PastTwinKey {
  readonly deviceId: string;
  readonly at: Date;
}

/** A twin as it was, or why that is not known. */
export type PastTwin = DeviceTwinModel | 'forgotten' | 'too-far';

/** One change of a twin. */
export interface ChangeKey {
  readonly deviceId: string;
  readonly version: number;
}

/** An event with its place in the log. */
export interface LoggedDeviceEvent extends DeviceEventModel {
  readonly sequence: bigint;
}

/** The type of the fact that a device has told an event. */
export const DEVICE_EVENT_TYPE = 'aegis.device.event';

/** The most changes that are taken back for one twin as it was. */
export const MAX_UNDONE = 2_000;

/** Reads the twins of devices: one statement, however many devices. Answers come in the order of the questions. */
export async function findTwins(
  database: Database,
  workspace: WorkspaceId,
  deviceIds: readonly string[],
): Promise<DeviceTwinModel[]> {
  const { client } = database.inWorkspace(workspace);
  const rows = await client.$queryRaw<TwinRow[]>`
    SELECT * FROM devices.device_twins
    WHERE workspace_id = ${workspace} AND device_id = ANY(${deviceIds.filter(isDeviceId)}::text[])`;
  const byDevice = new Map(rows.map((row) => [row.device_id, toTwin(row)]));
  return deviceIds.map((id) => byDevice.get(id) ?? emptyTwin(id));
}

type UndoRow = Pick<TwinChangeRow, 'version' | 'side' | 'undo' | 'former_version' | 'former_at'> &
  TwinRow & { readonly place: number; readonly change_version: number | null; readonly base: number | null };

/**
 * Reads twins as they were, by taking back what has changed since: one statement, however many.
 *
 * Shape: n keys in; n answers out: the twin; `forgotten` when its history does not go back so far any more; `too-far`
 * when more than {@link MAX_UNDONE} changes would have to be taken back.
 */
export async function findPastTwins(
  database: Database,
  workspace: WorkspaceId,
  keys: readonly PastTwinKey[],
): Promise<PastTwin[]> {
  // Both lookups walk the history of a twin from its new end, no further than to the instant.
  const rows = await database.inWorkspace(workspace).client.$queryRaw<UndoRow[]>`
    SELECT w.place, t.*, base.version AS base, c.version AS change_version, c.side, c.undo, c.former_version, c.former_at
    FROM unnest(
      ${keys.map((_key, place) => place)}::int[],
      ${keys.map(({ deviceId }) => deviceId)}::text[],
      ${keys.map(({ at }) => at.toISOString())}::timestamptz[]
    ) AS w(place, device_id, at)
    JOIN devices.device_twins t ON t.workspace_id = ${workspace} AND t.device_id = w.device_id
    LEFT JOIN LATERAL (
      SELECT version FROM devices.twin_changes
      WHERE workspace_id = ${workspace} AND device_id = w.device_id AND changed_at <= w.at
      ORDER BY version DESC LIMIT 1
    ) base ON true
    LEFT JOIN LATERAL (
      SELECT * FROM devices.twin_changes
      WHERE workspace_id = ${workspace} AND device_id = w.device_id AND version > coalesce(base.version, 0)
      ORDER BY version DESC LIMIT ${MAX_UNDONE + 1}
    ) c ON true
    ORDER BY w.place, c.version DESC`;
  const byPlace = new Map<number, UndoRow[]>();
  for (const row of rows) byPlace.set(row.place, [...(byPlace.get(row.place) ?? []), row]);
  return keys.map(({ deviceId }, place) => {
    const changes = byPlace.get(place) ?? [];
    return changes.length > MAX_UNDONE ? 'too-far' : undo(deviceId, changes);
  });
}

function undo(deviceId: string, changes: readonly UndoRow[]): DeviceTwinModel | 'forgotten' {
  const [newest] = changes;
  if (!newest) return emptyTwin(deviceId);
  const oldest = changes.at(-1)?.change_version ?? null;
  // Without a change up to the instant, only the very first one tells that there was none.
  if (newest.base === null && oldest !== 1 && newest.version > 0) return 'forgotten';
  const made = changes.filter(({ change_version: version }) => version !== null);
  return made.reduce<DeviceTwinModel>(takeBack, toTwin(newest));
}

function takeBack(twin: DeviceTwinModel, row: UndoRow): DeviceTwinModel {
  const version = (row.change_version ?? 1) - 1;
  return row.side === 'REPORTED'
    ? {
        ...{ ...twin, version, reported: applyMergePatch(twin.reported, row.undo) },
        ...{ reportedVersion: row.former_version, reportedAt: row.former_at },
      }
    : {
        ...{ ...twin, version, desired: applyMergePatch(twin.desired, row.undo) },
        ...{ desiredVersion: row.former_version, desiredAt: row.former_at },
      };
}

/** Reads pages of the histories of twins, newest first: one statement, however many. */
export async function listHistories(
  database: Database,
  workspace: WorkspaceId,
  keys: readonly HistoryKey[],
): Promise<TwinChangeModel[][]> {
  const rows = await database.inWorkspace(workspace).client.$queryRaw<
    (TwinChangeRow & { readonly place: number })[]
  >`
    SELECT w.place, c.*
    FROM unnest(
      ${keys.map((_key, place) => place)}::int[],
      ${keys.map(({ deviceId }) => deviceId)}::text[],
      ${keys.map(({ side }) => side ?? null)}::text[],
      ${keys.map(({ behind }) => behind ?? null)}::bigint[],
      ${keys.map(({ limit }) => limit)}::int[]
    ) AS w(place, device_id, side, behind, size)
    CROSS JOIN LATERAL (
      SELECT * FROM devices.twin_changes
      WHERE workspace_id = ${workspace} AND device_id = w.device_id
        AND version < coalesce(w.behind, 2147483648) AND (w.side IS NULL OR side = w.side)
      ORDER BY version DESC LIMIT w.size
    ) c
    ORDER BY w.place, c.version DESC`;
  return gather(keys, rows, toTwinChange);
}

/** Reads single changes: one statement, however many; undefined where there is none any more. */
export async function findChanges(
  database: Database,
  workspace: WorkspaceId,
  keys: readonly ChangeKey[],
): Promise<(TwinChangeModel | undefined)[]> {
  const rows = await database.inWorkspace(workspace).client.$queryRaw<
    (TwinChangeRow & { readonly place: number })[]
  >`
    SELECT w.place, c.*
    FROM unnest(
      ${keys.map((_key, place) => place)}::int[],
      ${keys.map(({ deviceId }) => deviceId)}::text[],
      ${keys.map(({ version }) => version)}::int[]
    ) AS w(place, device_id, version)
    JOIN devices.twin_changes c
      ON c.workspace_id = ${workspace} AND c.device_id = w.device_id AND c.version = w.version`;
  return gather(keys, rows, toTwinChange).map(([change]) => change);
}

interface EventRow {
  readonly place: number;
  readonly id: string;
  readonly subject: string;
  readonly time: Date;
  readonly data: unknown;
  readonly sequence: bigint;
}

/** Reads pages of the events that devices have told, newest first: one statement, however many. */
export async function listDeviceEvents(
  database: Database,
  workspace: WorkspaceId,
  keys: readonly DeviceEventsKey[],
): Promise<LoggedDeviceEvent[][]> {
  const rows = await database.inWorkspace(workspace).client.$queryRaw<EventRow[]>`
    SELECT w.place, e.id, e.subject, e.time, e.data, e.sequence
    FROM unnest(
      ${keys.map((_key, place) => place)}::int[],
      ${keys.map(({ deviceId }) => deviceId)}::text[],
      ${keys.map(({ names }) => (names ? JSON.stringify(names) : null))}::text[],
      ${keys.map(({ behind }) => behind ?? null)}::bigint[],
      ${keys.map(({ limit }) => limit)}::int[]
    ) AS w(place, device_id, names, behind, size)
    CROSS JOIN LATERAL (
      SELECT * FROM kernel.events
      WHERE workspace_id = ${workspace} AND subject = w.device_id AND type = 'aegis.device.event'
        AND sequence < coalesce(w.behind, 9223372036854775807)
        AND (w.names IS NULL OR jsonb_exists(w.names::jsonb, data->>'name'))
      ORDER BY sequence DESC LIMIT w.size
    ) e
    ORDER BY w.place, e.sequence DESC`;
  return gather(keys, rows, toDeviceEvent);
}

function gather<Row extends { readonly place: number }, T>(
  keys: readonly unknown[],
  rows: readonly Row[],
  map: (row: Row) => T,
): T[][] {
  const lists: T[][] = keys.map(() => []);
  for (const row of rows) lists[row.place]?.push(map(row));
  return lists;
}

function toDeviceEvent({ id, subject, time, data, sequence }: EventRow): LoggedDeviceEvent {
  return { ...readDeviceEvent({ id, deviceId: subject, time, data }), sequence };
}

/** The event that a fact tells of. */
export function readDeviceEvent(fact: {
  readonly id: string;
  readonly deviceId: string;
  readonly time: Date;
  readonly data: unknown;
}): DeviceEventModel {
  const { name, data } = fact.data as { readonly name: string; readonly data?: unknown };
  return { id: fact.id, deviceId: fact.deviceId, name, data: data ?? null, occurredAt: fact.time };
}
