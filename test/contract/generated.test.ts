import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { generateDatabaseClient } from '../../cli/dev/generate-database-client.js';
import { generateEnvExample } from '../../cli/dev/generate-env-example.js';
import { generateSchemaTypes } from '../../cli/dev/generate-schema-types.js';
import { findStale, type GeneratedFiles } from '../../cli/dev/generated-files.js';
import { listSubgraphNames } from '../../cli/subgraph-names.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The paths of committed files that are not what the generator writes now, or that it does not write at all. */
async function listStale(files: GeneratedFiles): Promise<readonly string[]> {
  return [...(await findStale(root, files)).keys()];
}

describe('what is generated and committed', () => {
  it('has the types of every contract as it is', async () => {
    for (const name of await listSubgraphNames()) {
      const files = await generateSchemaTypes(root, name);
      expect([...files.keys()]).toEqual([`subgraphs/${name}/generated/schema-types.ts`]);
      expect(await listStale(files)).toEqual([]);
    }
  });

  it('has the database client of the tables as they are', async () => {
    const files = await generateDatabaseClient(root);
    expect(files.has('kernel/database/generated/client.ts')).toBe(true);
    expect(await listStale(files)).toEqual([]);
  });

  it('has every setting in .env.example', async () => {
    expect(await listStale(await generateEnvExample(root))).toEqual([]);
  });

  it('would be found stale with any other text', async () => {
    const files = new Map([['.env.example', 'another text']]);
    expect(await listStale(files)).toEqual(['.env.example']);
  });
});
