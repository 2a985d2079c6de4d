import MiniSearch from 'minisearch';
import type { Generation } from '../../generation.js';
import { listSchemaEntries, type SchemaEntry } from './schema-entries.js';

/** Finds what a schema has to offer by words; the index of a supergraph is made when it is first asked for. */
export type SchemaSearch = (generation: Generation, query: string, first: number) => Promise<Found>;

/** The best first, and how many there are. */
export interface Found {
  readonly entries: readonly SchemaEntry[];
  readonly total: number;
}

/** How many entries are indexed at a time before other requests get their turn. */
const CHUNK_SIZE = 200;
/** Shorter words would be the beginning of too much. */
const MIN_PREFIX_CHARACTERS = 3;
/** Shorter words are a typing mistake away from too much. */
const MIN_FUZZY_CHARACTERS = 5;
const FUZZY = 0.2;
/** The words of a question that count: each may be found in all of a large schema. */
const MAX_WORDS = 12;

/** Words that are in every description. */
const COMMON: ReadonlySet<string> = new Set(
  'a an and are as at be by for from has have in is it its of on or that the their this to was which with'.split(
    ' ',
  ),
);

type Index = (query: string, first: number) => Found;

/** Makes the search of one server. */
export function createSchemaSearch(): SchemaSearch {
  const indexes = new WeakMap<Generation, Promise<Index>>();

  return async (generation, query, first) => {
    const opening = indexes.get(generation) ?? openIndex(generation);
    indexes.set(generation, opening);
    const index = await opening;
    return index(query, first);
  };
}

async function openIndex({ snapshot }: Generation): Promise<Index> {
  const entries = new Map(listSchemaEntries(snapshot.apiSchema).map((entry) => [entry.coordinate, entry]));
  const search = new MiniSearch<SchemaEntry>({
    idField: 'coordinate',
    fields: ['name', 'arguments', 'types', 'description'],
    extractField: read,
    tokenize: splitWords,
    searchOptions: {
      tokenize: (text) => splitWords(text).slice(0, MAX_WORDS),
      boost: { name: 4, arguments: 2 },
      prefix: (term) => term.length >= MIN_PREFIX_CHARACTERS,
      fuzzy: (term) => (term.length >= MIN_FUZZY_CHARACTERS ? FUZZY : false),
    },
  });
  await search.addAllAsync([...entries.values()], { chunkSize: CHUNK_SIZE });
  return (query, first) => {
    const hits = search.search(query);
    return {
      entries: hits.slice(0, first).flatMap(({ id }) => entries.get(String(id)) ?? []),
      total: hits.length,
    };
  };
}

function read({ coordinate, description = '', keywords }: SchemaEntry, field: string): string {
  if (field === 'coordinate') return coordinate;
  if (field === 'arguments' || field === 'types') return keywords[field];
  return field === 'name' ? (coordinate.split('.').at(-1) ?? '') : description;
}

/** The words of a text, and those of which names such as `deviceReadings` or `UNIT_PRICE` are made. */
function splitWords(text: string): string[] {
  return text.split(/[^\p{L}\p{N}_]+/u).flatMap((word) => {
    const parts = word.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\p{N}+|\p{Lo}+/gu) ?? [];
    const all = new Set(parts.length > 1 ? [word, ...parts] : [word]);
    return [...all].filter((part) => part !== '' && !COMMON.has(part.toLowerCase()));
  });
}
