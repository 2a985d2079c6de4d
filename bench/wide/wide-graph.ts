/* A generated graph of twenty subgraphs, none of them like the data of anybody: each has one entity at home and adds to three
 * others, some fields are in two subgraphs, some need one of another. */

/** How many subgraphs, and how many entities. */
export const WIDTH = 20;
/** Which subgraphs add to an entity, counted from its home. */
const ADDERS = [1, 5, 11] as const;
const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@requires", "@external"])\n`;

/** A field of an entity as clients see it. */
export interface WideField {
  readonly name: string;
  /** The number of the entity that it leads to; undefined for a leaf. */
  readonly entity: number | undefined;
  readonly takesFirst: boolean;
}

const leaf = (name: string): WideField => ({ name, entity: undefined, takesFirst: false });

/** What clients may ask of an entity. */
export function fieldsOf(entity: number): readonly WideField[] {
  const added = ADDERS.flatMap((step) => {
    const adder = (entity + step) % WIDTH;
    return [
      leaf(`text${adder}`),
      leaf(`count${adder}`),
      { name: `linked${adder}`, entity: (adder + 3) % WIDTH, takesFirst: false },
    ];
  });
  return [
    ...['id', 'name', 'label', 'price', 'score'].map(leaf),
    { name: 'next', entity: (entity + 1) % WIDTH, takesFirst: false },
    { name: 'others', entity: (entity + 7) % WIDTH, takesFirst: true },
    ...added,
    leaf('estimate'),
  ];
}

/** The SDL of each subgraph, by name. */
export function describeWideSubgraphs(): ReadonlyMap<string, string> {
  const numbers = Array.from({ length: WIDTH }, (_, index) => index);
  return new Map(numbers.map((number) => [`wide${number}`, LINK + describeSubgraph(number)]));
}

function describeSubgraph(number: number): string {
  const home = `
    type Query {
      entity${number}(id: ID!): Entity${number}
      entities${number}(first: Int = 2): [Entity${number}!]
    }
    type Entity${number} @key(fields: "id") {
      id: ID! name: String label: String @shareable price: Int score: Float
      next: Entity${(number + 1) % WIDTH}
      others(first: Int = 2): [Entity${(number + 7) % WIDTH}!]
    }`;
  const additions = ADDERS.map((step) => describeAddition(number, (number - step + WIDTH) % WIDTH, step));
  const defined = new Set([number, ...ADDERS.map((step) => (number - step + WIDTH) % WIDTH)]);
  const named = [(number + 1) % WIDTH, (number + 7) % WIDTH, (number + 3) % WIDTH];
  const stubs = [...new Set(named)]
    .filter((entity) => !defined.has(entity))
    .map((entity) => `type Entity${entity} @key(fields: "id", resolvable: false) { id: ID! }`);
  return [home, ...additions, ...stubs].join('\n');
}

function describeAddition(adder: number, entity: number, step: number): string {
  const shared = step === ADDERS[0] ? 'label: String @shareable' : '';
  const required = step === ADDERS[2] ? 'price: Int @external estimate: Int @requires(fields: "price")' : '';
  return `
    type Entity${entity} @key(fields: "id") {
      id: ID! text${adder}: String count${adder}: Int linked${adder}: Entity${(adder + 3) % WIDTH} ${shared} ${required}
    }`;
}
