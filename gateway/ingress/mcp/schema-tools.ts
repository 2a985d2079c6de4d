import { isIntrospectionType, printType } from 'graphql';
import { z } from 'zod';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { Gateway } from '../../gateway.js';
import { readArguments } from './read-arguments.js';
import type { SchemaSearch } from './schema-search.js';
import type { McpTool } from './tool.js';
import { writeInputSchema } from './write-input-schema.js';

const MAX_QUERY_CHARACTERS = 256;
const MAX_FOUND = 50;
const FOUND = 10;
const MAX_NAME_CHARACTERS = 256;
/** Longer types are cut: nobody could read on who reads that much. */
const MAX_SDL_CHARACTERS = 65_536;
const SUGGESTED = 5;

const searchArguments = z.strictObject({
  query: z.string().min(1).max(MAX_QUERY_CHARACTERS).describe('Words to look for, such as: device readings.'),
  first: z.int().min(1).max(MAX_FOUND).default(FOUND).describe('How many results to give at most.'),
});

const describeArguments = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(MAX_NAME_CHARACTERS)
    .describe('The name of a type, such as Query, or a coordinate within it that search_schema has found.'),
});

/** The tools by which an agent learns what there is to ask for. */
export function createSchemaTools(
  gateway: Pick<Gateway, 'current'>,
  search: SchemaSearch,
): readonly McpTool[] {
  return [createSearchTool(gateway, search), createDescribeTool(gateway, search)];
}

function createSearchTool(gateway: Pick<Gateway, 'current'>, search: SchemaSearch): McpTool {
  return {
    definition: {
      name: 'search_schema',
      title: 'Search the schema',
      description:
        'Finds types, fields, arguments and enum values of the GraphQL schema by words in their names and descriptions, the best first.',
      inputSchema: writeInputSchema(searchArguments),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async call(call) {
      const { query, first } = readArguments(searchArguments, call.arguments);
      const { entries, total } = await search(gateway.current, query, first);
      return { structured: { results: entries.map(({ keywords: _keywords, ...entry }) => entry), total } };
    },
  };
}

function createDescribeTool(gateway: Pick<Gateway, 'current'>, search: SchemaSearch): McpTool {
  return {
    definition: {
      name: 'describe_type',
      title: 'Describe a type',
      description:
        'Gives one type of the GraphQL schema in the schema definition language, with the descriptions of all it has. Begin with Query.',
      inputSchema: writeInputSchema(describeArguments),
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    async call(call) {
      const { name: given } = readArguments(describeArguments, call.arguments);
      const name = typeOf(given);
      const { current } = gateway;
      const type = current.snapshot.apiSchema.getType(name);
      if (!type || isIntrospectionType(type)) {
        const { entries } = await search(current, name, SUGGESTED);
        throw unknownType(name, new Set(entries.map(({ coordinate }) => typeOf(coordinate))));
      }
      const sdl = printType(type);
      const text =
        sdl.length > MAX_SDL_CHARACTERS
          ? `${sdl.slice(0, MAX_SDL_CHARACTERS)}\n# cut off: search_schema finds the rest`
          : sdl;
      return { structured: { name, sdl: text }, text };
    },
  };
}

function typeOf(coordinate: string): string {
  const [name = coordinate] = coordinate.split('.');
  return name;
}

function unknownType(name: string, similar: ReadonlySet<string>): AegisError {
  const found = similar.size > 0 ? ` Similar: ${[...similar].join(', ')}.` : '';
  return new AegisError('NOT_FOUND', `expected a type of the schema, got ${JSON.stringify(name)}.${found}`);
}
