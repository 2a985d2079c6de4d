import { isDeepStrictEqual } from 'node:util';
import type { Database } from '../../../kernel/database/database.js';
import { Prisma } from '../../../kernel/database/workspace.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { ProfileDefinition } from './profile-definition.js';
import type { Profile, ProfilePin } from './profile.js';

/** A version of a profile with what is told of it beside its definition. */
export interface StoredProfile {
  readonly profile: Profile;
  readonly source: 'CATALOGUE' | 'WORKSPACE';
  /** Null for one of the catalogue. */
  readonly createdAt: Date | null;
  readonly deprecatedAt: Date | null;
}

/** On whose behalf a profile is defined. */
interface DefinitionOrigin {
  readonly workspace: WorkspaceId;
  readonly traceparent: string;
}

/** The profiles that workspaces have defined themselves. */
export interface ProfileRegistry {
  /** Makes the next version of a profile; the newest one when it is the same. States a fact for a new one. */
  define(origin: DefinitionOrigin, definition: ProfileDefinition): Promise<StoredProfile>;
  /** Undefined when there is no such version. States a fact when that changes something. */
  deprecate(
    origin: DefinitionOrigin,
    pin: ProfilePin,
    deprecatedAt: Date | null,
  ): Promise<StoredProfile | undefined>;
  /** The versions that are there, in any order. One statement. */
  find(workspace: WorkspaceId, pins: readonly ProfilePin[]): Promise<StoredProfile[]>;
  /** The newest version of a profile: of those that are not deprecated, if there is one. */
  findNewest(workspace: WorkspaceId, name: string): Promise<StoredProfile | undefined>;
  /** The newest version of each profile behind a name, in the order of their names. */
  listNewest(workspace: WorkspaceId, after: string, limit: number): Promise<StoredProfile[]>;
  /** The versions of a profile before one, the newest first. */
  listVersions(
    workspace: WorkspaceId,
    name: string,
    options: { readonly before: number; readonly limit: number },
  ): Promise<StoredProfile[]>;
}

export interface ProfileRegistryDeps {
  readonly database: Database;
  readonly log: EventLog;
}

/** How often a version is tried again when another one of the same number came first. */
const MAX_ATTEMPTS = 5;

interface ProfileRow {
  readonly name: string;
  readonly version: number;
  readonly definition: unknown;
  readonly createdAt: Date;
  readonly deprecatedAt: Date | null;
}

/** Makes the registry of profiles. */
export function createProfileRegistry({ database, log }: ProfileRegistryDeps): ProfileRegistry {
  function defineOnce({ workspace, traceparent }: DefinitionOrigin, definition: ProfileDefinition) {
    return database.inWorkspace(workspace).transaction(async (transaction) => {
      const newest = await transaction.client.deviceProfile.findFirst({
        where: { name: definition.name },
        orderBy: { version: 'desc' },
      });
      if (newest && isDeepStrictEqual(newest.definition, toJson(definition))) return toStored(newest);
      const version = (newest?.version ?? 0) + 1;
      const { name, title } = definition;
      const row = await transaction.client.deviceProfile.create({
        data: { workspaceId: workspace, name, version, definition: toJson(definition) },
      });
      await log.append(transaction, {
        source: '/devices',
        type: 'aegis.profile.defined',
        subject: `${name}/${version}`,
        data: { name, version, title },
        traceparent,
      });
      return toStored(row);
    });
  }

  return {
    ...createLookups(database),
    async define(origin, definition) {
      for (let attempt = 1; ; attempt += 1) {
        try {
          return await defineOnce(origin, definition);
        } catch (error) {
          if (!isTaken(error) || attempt >= MAX_ATTEMPTS) throw error;
        }
      }
    },
    deprecate: ({ workspace, traceparent }, { name, version }, deprecatedAt) =>
      database.inWorkspace(workspace).transaction(async (transaction) => {
        const { client } = transaction;
        const former = await client.deviceProfile.findFirst({ where: { name, version } });
        if (!former) return undefined;
        if ((former.deprecatedAt === null) === (deprecatedAt === null)) return toStored(former);
        await client.deviceProfile.updateMany({ where: { name, version }, data: { deprecatedAt } });
        await log.append(transaction, {
          source: '/devices',
          type: 'aegis.profile.deprecated',
          subject: `${name}/${version}`,
          data: { name, version, deprecated: deprecatedAt !== null },
          traceparent,
        });
        return toStored({ ...former, deprecatedAt });
      }),
  };
}

function createLookups(
  database: Database,
): Pick<ProfileRegistry, 'find' | 'findNewest' | 'listNewest' | 'listVersions'> {
  const clientOf = (workspace: WorkspaceId) => database.inWorkspace(workspace).client;
  return {
    async find(workspace, pins) {
      if (pins.length === 0) return [];
      const rows = await clientOf(workspace).deviceProfile.findMany({
        where: { OR: pins.map(({ name, version }) => ({ name, version })) },
      });
      return rows.map(toStored);
    },
    async findNewest(workspace, name) {
      const row = await clientOf(workspace).deviceProfile.findFirst({
        where: { name },
        orderBy: [{ deprecatedAt: { sort: 'desc', nulls: 'first' } }, { version: 'desc' }],
      });
      return row ? toStored(row) : undefined;
    },
    async listNewest(workspace, after, limit) {
      const rows = await clientOf(workspace).$queryRaw<ProfileRow[]>`
        SELECT DISTINCT ON (name COLLATE "C") name, version, definition, created_at AS "createdAt", deprecated_at AS "deprecatedAt"
        FROM devices.profiles WHERE workspace_id = ${workspace} AND name > ${after} COLLATE "C"
        ORDER BY name COLLATE "C", version DESC LIMIT ${limit}::int`;
      return rows.map(toStored);
    },
    async listVersions(workspace, name, { before, limit }) {
      const rows = await clientOf(workspace).deviceProfile.findMany({
        where: { name, version: { lt: before } },
        orderBy: { version: 'desc' },
        take: limit,
      });
      return rows.map(toStored);
    },
  };
}

/** The definition as it comes back from the database: without what is undefined. */
function toJson(definition: ProfileDefinition): Prisma.InputJsonObject {
  return JSON.parse(JSON.stringify(definition)) as Prisma.InputJsonObject;
}

function toStored({ version, definition, createdAt, deprecatedAt }: ProfileRow): StoredProfile {
  const profile = { ...(definition as ProfileDefinition), version };
  return { profile, source: 'WORKSPACE', createdAt, deprecatedAt };
}

/** Another definition of the same name was first. */
function isTaken(error: unknown): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002';
}
