/* Writes what is generated: GraphQL types from schema/ (one file a subgraph), the database client from prisma/, and
 * .env.example from the settings. With `--check` it writes nothing and fails when a committed file is not what would be
 * written. */
import { fileURLToPath } from 'node:url';
import { listSubgraphNames } from '../subgraph-names.js';
import { generateDatabaseClient } from './generate-database-client.js';
import { generateEnvExample } from './generate-env-example.js';
import { generateSchemaTypes } from './generate-schema-types.js';
import { findStale, writeFiles } from './generated-files.js';

async function main(root: string, check: boolean): Promise<void> {
  const files = new Map(await generateDatabaseClient(root));
  for (const name of await listSubgraphNames()) {
    for (const [path, text] of await generateSchemaTypes(root, name)) files.set(path, text);
  }
  for (const [path, text] of await generateEnvExample(root)) files.set(path, text);
  const stale = await findStale(root, files);
  if (check && stale.size > 0) {
    process.stderr.write(
      `Generated files are not current: ${[...stale.keys()].join(', ')}. Run: npm run generate\n`,
    );
    process.exitCode = 1;
    return;
  }
  await writeFiles(root, stale);
  process.stdout.write(`${files.size} generated files, ${stale.size} ${check ? 'stale' : 'written'}.\n`);
}

await main(fileURLToPath(new URL('../..', import.meta.url)), process.argv.includes('--check'));
