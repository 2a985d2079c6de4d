import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { checkPageSize, toConnection, type Connection } from '../../../kernel/graphql/connection.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Catalogue } from './catalogue.js';
import { ofCatalogue } from './device-profiles.js';
import type { ProfileRegistry, StoredProfile } from './registry.js';

/** What page of a list is wanted. */
interface PageRequest {
  /** 20 when left out. */
  readonly first: number | null | undefined;
  /** The cursor of the page before. */
  readonly after: string | undefined;
}

/** The lists of profiles, a page at a time. Errors: BAD_USER_INPUT for a page size or a cursor that is none. */
export interface ProfilePages {
  /** The newest version of each, by name; of one source when that is given. */
  list(
    workspace: WorkspaceId,
    request: PageRequest & { readonly source: StoredProfile['source'] | undefined },
  ): Promise<Connection<StoredProfile>>;
  /** The versions of one, the newest first. */
  listVersions(
    workspace: WorkspaceId,
    name: string,
    request: PageRequest,
  ): Promise<Connection<StoredProfile>>;
}

export interface ProfilePagesDeps {
  readonly registry: Pick<ProfileRegistry, 'listNewest' | 'listVersions'>;
  readonly catalogue: Pick<Catalogue, 'list' | 'versions'>;
}

/** Makes the lists. Cursors are the name and the version of what they stand behind. */
export function createProfilePages({ registry, catalogue }: ProfilePagesDeps): ProfilePages {
  return {
    async list(workspace, { first: wanted, after: cursor, source }) {
      const first = checkPageSize(wanted ?? 20);
      const after = cursor === undefined ? '' : decodeCursor(cursor).name;
      const own = source === 'CATALOGUE' ? [] : await registry.listNewest(workspace, after, first + 1);
      const names = new Set(own.map(({ profile }) => profile.name));
      const ready = source === 'WORKSPACE' ? [] : catalogue.list();
      const others = ready.filter(({ name }) => name > after && !names.has(name)).map(ofCatalogue);
      const rows = [...own, ...others].sort((a, b) => (a.profile.name < b.profile.name ? -1 : 1));
      return toPage(rows.slice(0, first + 1), first, cursor);
    },
    async listVersions(workspace, name, { first: wanted, after: cursor }) {
      const first = checkPageSize(wanted ?? 20);
      const before = cursor === undefined ? 2 ** 31 - 1 : decodeCursor(cursor).version;
      if (name.includes('\u0000')) return toPage([], first, cursor);
      const own = await registry.listVersions(workspace, name, { before, limit: first + 1 });
      const taken = new Set(own.map(({ profile }) => profile.version));
      const others = catalogue
        .versions(name)
        .filter(({ version }) => version < before && !taken.has(version))
        .map(ofCatalogue);
      const rows = [...own, ...others].sort((a, b) => b.profile.version - a.profile.version);
      return toPage(rows.slice(0, first + 1), first, cursor);
    },
  };
}

function toPage(rows: readonly StoredProfile[], first: number, cursor: string | undefined) {
  return toConnection(rows, {
    first,
    after: cursor !== undefined,
    cursorOf: ({ profile }) =>
      Buffer.from(JSON.stringify([profile.name, profile.version])).toString('base64url'),
  });
}

function decodeCursor(cursor: string): { readonly name: string; readonly version: number } {
  const place = readPlace(cursor);
  if (Array.isArray(place)) {
    const [name, version] = place as readonly unknown[];
    const isVersion = typeof version === 'number' && Number.isInteger(version) && Math.abs(version) < 2 ** 31;
    if (typeof name === 'string' && !name.includes('\u0000') && isVersion) return { name, version };
  }
  throw new AegisError(
    'BAD_USER_INPUT',
    `after: expected the cursor of a profile, got ${JSON.stringify(cursor.slice(0, 64))}.`,
  );
}

function readPlace(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
}
