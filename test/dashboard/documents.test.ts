import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse, validate } from 'graphql';
import { Supergraph } from '@apollo/federation-internals';

/* The dashboard speaks GraphQL alone: whatever it asks must fit the schema that clients see. */

const FOLDER = 'dashboard';

/** Every operation of the page, by the name of its constant. */
async function readDocuments(): Promise<[name: string, text: string][]> {
  const files = readdirSync(FOLDER, { recursive: true })
    .map(String)
    .filter((file) => /(^|[/\\])documents[.]ts$/.test(file));
  const modules = await Promise.all(
    files.map(async (file) => (await import(join('../..', FOLDER, file))) as Record<string, unknown>),
  );
  return modules.flatMap((module) =>
    Object.entries(module).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

const supergraph = Supergraph.build(readFileSync('schema/supergraph.graphql', 'utf8'));
const schema = supergraph.apiSchema().toGraphQLJSSchema();
const documents = await readDocuments();

describe('what the dashboard asks', () => {
  it('is found', () => {
    expect(documents.length).toBeGreaterThan(10);
  });

  it.each(documents)('%s fits the schema', (_name, text) => {
    expect(validate(schema, parse(text))).toEqual([]);
  });
});
