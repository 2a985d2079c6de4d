import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readTree, writeFiles, type GeneratedFiles } from './generated-files.js';

const SCHEMA_FOLDER = 'prisma/schema';
const BASE = `${SCHEMA_FOLDER}/base.prisma`;
const CLIENT_FOLDER = 'kernel/database/generated';

/** The Prisma client of all files of `prisma/schema`, and the list of their database schemas in `base.prisma`. */
export async function generateDatabaseClient(root: string): Promise<GeneratedFiles> {
  const schema = new Map(await readTree(join(root, SCHEMA_FOLDER), SCHEMA_FOLDER));
  const base = listDatabaseSchemas(schema);
  schema.set(BASE, base);
  return new Map([[BASE, base], ...(await runPrisma(root, schema))]);
}

/**
 * The text of `base.prisma` with every `@@schema` of the other files in its list, so that a subgraph's tables need a
 * file of their own and nothing else.
 */
export function listDatabaseSchemas(schema: GeneratedFiles): string {
  const base = schema.get(BASE);
  const list = /^( *schemas *= *)\[.*\]$/m;
  if (base === undefined || !list.test(base))
    throw new Error(`${BASE}: expected a line "schemas = […]", found none.`);
  const named = [...schema.values()].flatMap((text) => [...text.matchAll(/@@schema\(("\w+")\)/g)]);
  const names = [...new Set(named.map((match) => match[1]))].sort();
  return base.replace(list, `$1[${names.join(', ')}]`);
}

/** Runs Prisma's generator in a folder of its own and reads what it wrote there. */
async function runPrisma(root: string, schema: GeneratedFiles): Promise<GeneratedFiles> {
  const folder = await mkdtemp(join(tmpdir(), 'aegis-prisma-'));
  try {
    await writeFiles(folder, schema);
    execFileSync(
      process.execPath,
      [
        join(root, 'node_modules/prisma/build/index.js'),
        'generate',
        `--schema=${join(folder, SCHEMA_FOLDER)}`,
      ],
      // The generator needs no schema engine; naming any program keeps the CLI from downloading one.
      {
        cwd: root,
        stdio: ['ignore', 'ignore', 'inherit'],
        env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true' },
      },
    );
    return await readTree(join(folder, CLIENT_FOLDER), CLIENT_FOLDER);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
