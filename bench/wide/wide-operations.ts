import { fieldsOf, WIDTH } from './wide-graph.js';

/** How deep operations go below their root field. */
const DEPTH = 3;
const WORD = 2 ** 32;

/** Numbers from 0 to 1, always the same for one seed. Source: mulberry32, by T. Ettinger, public domain. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / WORD;
  };
}

/** So many operations, no two of them with the same fields, over the graph of wide-graph.ts. */
export function createDistinctOperations(count: number, seed: number): readonly string[] {
  const random = createRandom(seed);
  const operations = new Set<string>();
  while (operations.size < count) operations.add(createOperation(random));
  return [...operations];
}

/** So many operations that differ in the names of their fields in the response and in their literals alone. */
export function createAlikeOperations(count: number): readonly string[] {
  return Array.from(
    { length: count },
    (_, index) =>
      `{ a${index}: entity3(id: "${index}") { b${index}: name text4 next { c${index}: label others(first: ${1 + (index % 3)}) { id d${index}: price } } } }`,
  );
}

function createOperation(random: () => number): string {
  const entity = Math.floor(random() * WIDTH);
  const single = random() < 0.5;
  const root = single ? `entity${entity}(id: "1")` : `entities${entity}(first: 2)`;
  return `{ ${root} { ${selectFields(entity, DEPTH, random)} } }`;
}

function selectFields(entity: number, depth: number, random: () => number): string {
  const fields = fieldsOf(entity);
  const leaves = fields.filter((field) => field.entity === undefined);
  const selected = leaves.filter(() => random() < 0.35).map(({ name }) => name);
  const branches = depth > 1 ? fields.filter((field) => field.entity !== undefined) : [];
  const taken = branches.filter(() => random() < 0.4);
  const inner = taken.map(
    ({ name, entity: target, takesFirst }) =>
      `${name}${takesFirst ? '(first: 2)' : ''} { ${selectFields(target ?? 0, depth - 1, random)} }`,
  );
  return ['id', ...selected.filter((name) => name !== 'id'), ...inner].join(' ');
}
