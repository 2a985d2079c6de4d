import type { Database } from '../../../../kernel/database/database.js';
import { Prisma, type WorkspaceClient } from '../../../../kernel/database/workspace.js';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { DevicePlace } from '../../device-page.js';
import type { DeviceFilter, DeviceOrder } from '../../generated/schema-types.js';
import type { LabelRequirement } from './label-selector.js';
import { checkSavedSelection, type PropertyCondition, type Selection } from './selection.js';

/** A page of what is selected. */
export interface SelectionPage {
  readonly first: number;
  readonly after: DevicePlace | undefined;
  readonly order: DeviceOrder;
}

/** A page of the devices of a group. */
export interface GroupPage extends SelectionPage {
  readonly groupId: string;
}

/** Answers which devices are meant by a selection, in SQL; one statement, and one more for a selection by groups. */
export interface Selections {
  /** Places in order, one more than `first` when there are more. */
  page(workspace: WorkspaceId, selection: Selection, page: SelectionPage): Promise<DevicePlace[]>;
  /** A page of each of these groups, as by {@link page}, in two statements however many they are. */
  pagesOfGroups(workspace: WorkspaceId, pages: readonly GroupPage[]): Promise<DevicePlace[][]>;
  /** All ids in the order of ids, behind `after`, at most `limit`. */
  findSelected(
    workspace: WorkspaceId,
    selection: Selection,
    options: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<string[]>;
  /** How many devices each group has, in one statement; 0 for one that is not there. */
  countOfGroups(workspace: WorkspaceId, groupIds: readonly string[]): Promise<number[]>;
  /** Which of these devices are selected. */
  selects(
    workspace: WorkspaceId,
    selection: Selection,
    deviceIds: readonly string[],
  ): Promise<ReadonlySet<string>>;
}

/** A group as selections know it: devices by name, and those that its own selection means. */
interface SavedGroup {
  readonly id: string;
  readonly selection: Selection | undefined;
}

type Groups = ReadonlyMap<string, SavedGroup>;

interface IdRow {
  readonly id: string;
}

const NO_GROUPS: Groups = new Map();

/** Makes the search of devices. */
export function createSelections(database: Database): Selections {
  const conditionOf = (workspace: WorkspaceId, selection: Selection) =>
    selectRows(database.inWorkspace(workspace).client, selection);
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;

  return {
    async page(workspace, selection, page) {
      const { column } = ORDERS[page.order];
      return clientOf(workspace).$queryRaw<DevicePlace[]>`
        SELECT d.id, ${column} AS key ${pageOf(workspace, await conditionOf(workspace, selection), page)}`;
    },
    async pagesOfGroups(workspace, pages) {
      const groups = await findGroups(clientOf(workspace), [...new Set(pages.map(({ groupId }) => groupId))]);
      const selects = pages.map((page, place) => {
        const { column, isTime } = ORDERS[page.order];
        const group = groups.get(page.groupId);
        // Names and instants are in columns of their own, as the rows of all pages have one shape.
        const [text, at] = isTime ? [Prisma.sql`NULL`, column] : [column, Prisma.sql`NULL`];
        return Prisma.sql`(
          SELECT ${place}::int AS place, d.id, ${text}::text AS text, ${at}::timestamptz AS at
          ${pageOf(workspace, group ? inGroups([group]) : Prisma.sql`FALSE`, page)}
        )`;
      });
      const rows = await clientOf(workspace).$queryRaw<PlacedRow[]>`
        SELECT place, id, text, at FROM (${Prisma.join(selects, ' UNION ALL ')}) pages`;
      const found: DevicePlace[][] = pages.map(() => []);
      for (const { place, id, text, at } of rows) found[place]?.push({ id, key: text ?? at ?? '' });
      return found;
    },
    async findSelected(workspace, selection, { limit, after = '' }) {
      const rows = await clientOf(workspace).$queryRaw<IdRow[]>`
        SELECT d.id FROM devices.devices d
        WHERE d.workspace_id = ${workspace} AND d.id > ${after} AND ${await conditionOf(workspace, selection)}
        ORDER BY d.id LIMIT ${limit}`;
      return rows.map(({ id }) => id);
    },
    async countOfGroups(workspace, groupIds) {
      const groups = await findGroups(clientOf(workspace), groupIds);
      const counts = groupIds.map((id) => {
        const group = groups.get(id);
        return group ? Prisma.sql`count(*) FILTER (WHERE ${inGroups([group])})` : Prisma.sql`0`;
      });
      const [row] = await clientOf(workspace).$queryRaw<{ readonly counts: number[] }[]>`
        SELECT ARRAY[${Prisma.join(counts)}]::int[] AS counts FROM devices.devices d
        WHERE d.workspace_id = ${workspace}`;
      return row?.counts ?? groupIds.map(() => 0);
    },
    async selects(workspace, selection, deviceIds) {
      const rows = await clientOf(workspace).$queryRaw<IdRow[]>`
        SELECT d.id FROM devices.devices d
        WHERE d.workspace_id = ${workspace} AND d.id = ANY(${deviceIds.filter(isText)}::text[])
          AND ${await conditionOf(workspace, selection)}`;
      return new Set(rows.map(({ id }) => id));
    },
  };
}

interface PlacedRow {
  readonly place: number;
  readonly id: string;
  readonly text: string | null;
  readonly at: Date | null;
}

/** What follows the columns of a statement that reads a page. */
function pageOf(
  workspace: WorkspaceId,
  condition: Prisma.Sql,
  { first, after, order }: SelectionPage,
): Prisma.Sql {
  const { column, direction, beyond } = ORDERS[order];
  const behind = after
    ? Prisma.sql`AND (${column}, d.id) ${beyond} (${after.key}, ${after.id})`
    : Prisma.empty;
  return Prisma.sql`FROM devices.devices d
    WHERE d.workspace_id = ${workspace} AND ${condition} ${behind}
    ORDER BY ${column} ${direction}, d.id ${direction} LIMIT ${first + 1}`;
}

interface Order {
  /** Whether its column is an instant, and no text. */
  readonly isTime: boolean;
  readonly column: Prisma.Sql;
  readonly direction: Prisma.Sql;
  readonly beyond: Prisma.Sql;
}

const ASCENDING = { direction: Prisma.sql`ASC`, beyond: Prisma.sql`>` };
const DESCENDING = { direction: Prisma.sql`DESC`, beyond: Prisma.sql`<` };
const NAME = Prisma.sql`d.name`;
const CREATED_AT = Prisma.sql`d.created_at`;

/** When the device was heard from last; long ago for one that never was. */
const LAST_SEEN = Prisma.sql`coalesce((
    SELECT c.last_seen_at FROM devices.device_connectivity c
    WHERE c.workspace_id = d.workspace_id AND c.device_id = d.id
  ), timestamptz '1970-01-01Z')`;

/** Whether the device can be reached; one that was never heard from has no row. */
const CONNECTIVITY = Prisma.sql`coalesce((
    SELECT c.state FROM devices.device_connectivity c
    WHERE c.workspace_id = d.workspace_id AND c.device_id = d.id
  ), 'UNKNOWN')`;

const ORDERS: Readonly<Record<DeviceOrder, Order>> = {
  NAME_ASC: { column: NAME, isTime: false, ...ASCENDING },
  NAME_DESC: { column: NAME, isTime: false, ...DESCENDING },
  CREATED_AT_ASC: { column: CREATED_AT, isTime: true, ...ASCENDING },
  CREATED_AT_DESC: { column: CREATED_AT, isTime: true, ...DESCENDING },
  LAST_SEEN_ASC: { column: LAST_SEEN, isTime: true, ...ASCENDING },
  LAST_SEEN_DESC: { column: LAST_SEEN, isTime: true, ...DESCENDING },
};

/** Errors: NOT_FOUND for a group that is not there: a typing error must not select another set than was meant. */
async function findGroups(client: WorkspaceClient, idsOrNames: readonly string[]): Promise<Groups> {
  const wanted = idsOrNames.filter(isText);
  const rows = await client.deviceGroup.findMany({
    where: { OR: [{ id: { in: wanted } }, { name: { in: wanted } }] },
    select: { id: true, name: true, selection: true },
  });
  const missing = idsOrNames.find((name) => !rows.some((row) => row.id === name || row.name === name));
  if (missing !== undefined) {
    throw new AegisError(
      'NOT_FOUND',
      `groups: there is no device group ${JSON.stringify(missing.slice(0, 64))}.`,
    );
  }
  return new Map(
    rows.map(({ id, selection }) => [
      id,
      { id, selection: selection === null ? undefined : checkSavedSelection(selection as DeviceFilter) },
    ]),
  );
}

/**
 * The condition by which a statement selects rows `d` of `devices.devices` of one workspace.
 *
 * Errors: NOT_FOUND for a group that is not there.
 */
export async function selectRows(client: WorkspaceClient, selection: Selection): Promise<Prisma.Sql> {
  if (!isPossible(selection)) return Prisma.sql`FALSE`;
  return toCondition(selection, selection.groups ? await findGroups(client, selection.groups) : NO_GROUPS);
}

/** The condition on a row `d` of devices. */
function toCondition(selection: Selection, groups: Groups): Prisma.Sql {
  const conditions = [...plainConditions(selection), ...selection.properties.map(toPropertyCondition)];
  if (selection.groups) conditions.push(inGroups([...groups.values()]));
  return conditions.length === 0 ? Prisma.sql`TRUE` : Prisma.join(conditions, ' AND ');
}

function plainConditions(selection: Selection): Prisma.Sql[] {
  const { ids, name, nameContains, metric, profile, profileVersion, labels } = selection;
  return [
    ...(ids ? [Prisma.sql`d.id = ANY(${ids.filter(isText)}::text[])`] : []),
    ...(name === null ? [] : [Prisma.sql`d.name = ${name}`]),
    ...(nameContains === null ? [] : [Prisma.sql`d.name ILIKE ${`%${escapeLike(nameContains)}%`}`]),
    ...(metric === null ? [] : [declares(metric)]),
    ...(profile === null ? [] : [Prisma.sql`d.profile_name = ${profile}`]),
    ...(profileVersion === null ? [] : [Prisma.sql`d.profile_version = ${profileVersion}::int`]),
    ...labels.map(toLabelCondition),
    ...connectivityConditions(selection),
  ];
}

function connectivityConditions({ connectivity, lastSeenAfter, lastSeenBefore }: Selection): Prisma.Sql[] {
  return [
    ...(connectivity === null ? [] : [Prisma.sql`${CONNECTIVITY} = ${connectivity}`]),
    ...(lastSeenAfter ? [Prisma.sql`${LAST_SEEN} >= ${lastSeenAfter}`] : []),
    ...(lastSeenBefore ? [Prisma.sql`${LAST_SEEN} < ${lastSeenBefore}`] : []),
  ];
}

function declares(metric: string): Prisma.Sql {
  return Prisma.sql`EXISTS (
    SELECT FROM devices.device_metrics m
    WHERE m.workspace_id = d.workspace_id AND m.device_id = d.id AND m.name = ${metric}
  )`;
}

function toLabelCondition(requirement: LabelRequirement): Prisma.Sql {
  const { key } = requirement;
  switch (requirement.kind) {
    case 'exists':
      return Prisma.sql`jsonb_exists(d.labels, ${key})`;
    case 'missing':
      return Prisma.sql`NOT jsonb_exists(d.labels, ${key})`;
    case 'in':
      return Prisma.sql`d.labels ->> ${key} = ANY(${[...requirement.values]}::text[])`;
    case 'notIn':
      return Prisma.sql`coalesce(d.labels ->> ${key} <> ALL(${[...requirement.values]}::text[]), TRUE)`;
  }
}

/**
 * Compares the newest reading: one look into the primary key of readings for each device that is left by then. A metric
 * that is no longer declared is not looked at, as nowhere else either.
 */
function toPropertyCondition(condition: PropertyCondition): Prisma.Sql {
  const { metric, greaterThan, atLeast, lessThan, atMost, equals, notEquals, withinSeconds } = condition;
  const comparisons = [
    ...(greaterThan === null ? [] : [Prisma.sql`newest.value > ${greaterThan}::float8`]),
    ...(atLeast === null ? [] : [Prisma.sql`newest.value >= ${atLeast}::float8`]),
    ...(lessThan === null ? [] : [Prisma.sql`newest.value < ${lessThan}::float8`]),
    ...(atMost === null ? [] : [Prisma.sql`newest.value <= ${atMost}::float8`]),
    ...(equals === null ? [] : [Prisma.sql`newest.value = ${equals}::float8`]),
    ...(notEquals === null ? [] : [Prisma.sql`newest.value <> ${notEquals}::float8`]),
    ...(withinSeconds === null
      ? []
      : [Prisma.sql`newest.measured_at >= now() - make_interval(secs => ${withinSeconds}::float8)`]),
  ];
  return Prisma.sql`${declares(metric)} AND EXISTS (
    SELECT FROM (
      SELECT r.value, r.measured_at FROM devices.readings r
      WHERE r.workspace_id = d.workspace_id AND r.device_id = d.id AND r.metric = ${metric}
      ORDER BY r.measured_at DESC LIMIT 1
    ) newest
    WHERE ${Prisma.join(comparisons, ' AND ')}
  )`;
}

function inGroups(groups: readonly SavedGroup[]): Prisma.Sql {
  const members = Prisma.sql`EXISTS (
    SELECT FROM devices.device_group_members g
    WHERE g.workspace_id = d.workspace_id AND g.device_id = d.id
      AND g.group_id = ANY(${groups.map(({ id }) => id)}::text[])
  )`;
  const meant = groups.flatMap(({ selection }) => {
    if (!selection || !isPossible(selection)) return [];
    return [Prisma.sql`(${toCondition(selection, NO_GROUPS)})`];
  });
  return Prisma.sql`(${Prisma.join([members, ...meant], ' OR ')})`;
}

/** Whether a device can be meant at all: Postgres holds no text with a NUL in it. */
function isPossible({ name, nameContains, profile }: Selection): boolean {
  return [name, nameContains, profile].every((text) => text === null || isText(text));
}

function isText(text: string): boolean {
  return !text.includes('\u0000');
}

/** `%` and `_` stand for any text in a pattern. */
function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
