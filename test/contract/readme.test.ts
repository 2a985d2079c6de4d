import { access, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const subgraphs = await readdir(join(ROOT, 'subgraphs'));
const readmes = [
  'README.md',
  'CONTRIBUTING.md',
  'gateway/README.md',
  'kernel/README.md',
  ...subgraphs.map((name) => `subgraphs/${name}/README.md`),
];

const read = (file: string) => readFile(join(ROOT, file), 'utf8');

/** The files and folders of a list that are not there. */
async function listMissing(paths: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(
    paths.map((path) =>
      access(path).then(
        () => [],
        () => [path],
      ),
    ),
  );
  return found.flat();
}

describe.each(readmes)('%s', (file) => {
  it('links to what is there', async () => {
    const links = [...(await read(file)).matchAll(/\]\((?<target>[^)#:]+)(?:#[^)]*)?\)/g)];
    const targets = links.map(({ groups }) => join(ROOT, dirname(file), groups?.['target'] ?? ''));
    expect(await listMissing(targets)).toEqual([]);
  });

  it('names scripts that package.json has', async () => {
    const { scripts } = JSON.parse(await read('package.json')) as { readonly scripts: object };
    const named = [...(await read(file)).matchAll(/npm run (?:--silent )?(?<script>[a-z][\w:-]*)/g)];
    for (const { groups } of named) expect(Object.keys(scripts)).toContain(groups?.['script']);
  });

  it('names variables that .env.example has', async () => {
    const listed = await read('.env.example');
    const named = (await read(file)).match(/AEGIS_[A-Z_]+[A-Z]/g) ?? [];
    // A client's own, for the key that it sends.
    const missing = named.filter((name) => !listed.includes(`${name}=`) && name !== 'AEGIS_API_KEY');
    expect(missing).toEqual([]);
  });
});

describe.each(['gateway', 'kernel', ...subgraphs.map((name) => `subgraphs/${name}`)])(
  'the README of %s',
  (folder) => {
    it('names files and folders that it has', async () => {
      const text = await read(join(folder, 'README.md'));
      const named = [...text.matchAll(/`(?<path>[a-z][\w-]*(?:\/(?:[\w-]+[.]ts)?|[.]ts))`/g)];
      const paths = named.map(({ groups }) => groups?.['path'] ?? '');
      expect(paths.length).toBeGreaterThan(0);
      const inside = await readdir(join(ROOT, folder), { recursive: true });
      const known = new Set(inside.flatMap((path) => [path, path.split('/').at(-1) ?? path]));
      expect(paths.filter((path) => !known.has(path.replace(/\/$/, '')))).toEqual([]);
    });
  },
);
