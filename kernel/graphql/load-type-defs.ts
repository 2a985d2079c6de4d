import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { concatAST, parse, type DocumentNode } from 'graphql';

/**
 * Reads a contract of the schema folder: its own SDL and the types that all contracts share. A contract is
 * `<name>.graphql`, and when it is a large one also the files of the folder `<name>/`, which extend its root types.
 */
export async function loadTypeDefs(schemaFolder: string, name: string): Promise<DocumentNode> {
  const parts = await readdir(join(schemaFolder, name)).catch(() => []);
  const files = [
    'shared.graphql',
    `${name}.graphql`,
    ...parts
      .filter((file) => file.endsWith('.graphql'))
      .sort()
      .map((file) => join(name, file)),
  ];
  return concatAST(
    await Promise.all(files.map(async (file) => parse(await readFile(join(schemaFolder, file), 'utf8')))),
  );
}
