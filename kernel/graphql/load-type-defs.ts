import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { concatAST, parse, type DocumentNode } from 'graphql';

/** Reads a contract of the schema folder: its own SDL and the types that all contracts share. */
export async function loadTypeDefs(schemaFolder: string, name: string): Promise<DocumentNode> {
  const read = async (file: string) => parse(await readFile(join(schemaFolder, file), 'utf8'));
  return concatAST([await read('shared.graphql'), await read(`${name}.graphql`)]);
}
