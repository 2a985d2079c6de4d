import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { CheckProfile } from './check-profile.js';
import type { Profile } from './profile.js';

/** The profiles that come with Aegis: the same in every workspace. */
export interface Catalogue {
  /**
   * Reads the files: one for the newest version of each profile, `<name>.yaml`, and one for each former version that
   * devices may still be pinned to, `<name>@<version>.yaml`.
   *
   * Errors: the first entry that is not right, by the name of its file.
   */
  load(): Promise<void>;
  /** The newest version of each, in the order of their names. */
  list(): readonly Profile[];
  /** All versions of one, the newest first; none when there is no such profile. */
  versions(name: string): readonly Profile[];
}

export interface CatalogueOptions {
  readonly check: CheckProfile;
  /** Where the files are; those beside this one when left out. */
  readonly folder?: string;
}

const FOLDER = fileURLToPath(new URL('./catalogue', import.meta.url));
const FILE = /^(?<name>[a-z0-9-]+)(?:@(?<version>[1-9]\d*))?\.yaml$/;

/** Makes the catalogue; it is empty until it has been loaded. */
export function createCatalogue({ check, folder = FOLDER }: CatalogueOptions): Catalogue {
  let byName: ReadonlyMap<string, readonly Profile[]> = new Map();

  async function readEntry(file: string): Promise<Profile> {
    const names = FILE.exec(file)?.groups;
    if (!names)
      throw new Error(
        `the catalogue of profiles: expected <name>.yaml or <name>@<version>.yaml, got ${file}`,
      );
    const profile = checkEntry(file, parseEntry(file, await readFile(`${folder}/${file}`, 'utf8')), check);
    const version = Number(names['version'] ?? profile.version);
    if (profile.name === names['name'] && profile.version === version) return profile;
    throw new Error(
      `the catalogue of profiles, ${file}: it names itself ${profile.name}, version ${profile.version}`,
    );
  }

  return {
    async load() {
      const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml')).sort();
      const found = new Map<string, Profile[]>();
      for (const file of files) {
        const profile = await readEntry(file);
        found.set(profile.name, [...(found.get(profile.name) ?? []), profile]);
      }
      for (const versions of found.values()) versions.sort((a, b) => b.version - a.version);
      byName = new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
    },
    list: () => [...byName.values()].flatMap((versions) => versions.slice(0, 1)),
    versions: (name) => byName.get(name) ?? [],
  };
}

function parseEntry(file: string, text: string): Readonly<Record<string, unknown>> {
  const document: unknown = parse(text);
  const isObject = typeof document === 'object' && document !== null && !Array.isArray(document);
  if (isObject) return document as Readonly<Record<string, unknown>>;
  throw new Error(`the catalogue of profiles, ${file}: expected a YAML object`);
}

function checkEntry(
  file: string,
  { version, ...document }: Readonly<Record<string, unknown>>,
  check: CheckProfile,
): Profile {
  const checked = check(document);
  if ('errors' in checked) {
    const faults = checked.errors.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new Error(`the catalogue of profiles, ${file}: ${faults.join(' ')}`);
  }
  if (typeof version === 'number' && Number.isInteger(version) && version >= 1)
    return { ...checked.definition, version };
  throw new Error(`the catalogue of profiles, ${file}: version: expected a whole number from 1.`);
}
