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
    fields: ['name', 'path', 'description'],
    extractField: (entry, field) => read(entry, field),
    tokenize: splitWords,
    searchOptions: {
      boost: { name: 4, path: 2 },
      prefix: (term) => term.length >= MIN_PREFIX_CHARACTERS,
      fuzzy: (term) => (term.length >= MIN_FUZZY_CHARACTERS ? FUZZY : false),
      // What has a name of its own in an answer is worth more than the arguments to it.
      boostDocument: (coordinate) => (entries.get(String(coordinate))?.kind === 'argument' ? 0.5 : 1),
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

function read(entry: SchemaEntry, field: string): string {
  if (field === 'coordinate') return entry.coordinate;
  if (field === 'description') return entry.description ?? '';
  const parts = entry.coordinate.split(/[.(:)]+/).filter((part) => part !== '');
  return (field === 'name' ? parts.slice(-1) : [...parts.slice(0, -1), entry.definition]).join(' ');
}

/** The words of a text, and those of which names such as `deviceReadings` or `UNIT_PRICE` are made. */
function splitWords(text: string): string[] {
  return text.split(/[^\p{L}\p{N}_]+/u).flatMap((word) => {
    const parts = word.match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\p{N}+|\p{Lo}+/gu) ?? [];
    return [...new Set(parts.length > 1 ? [word, ...parts] : [word])].filter((part) => part !== '');
  });
}
