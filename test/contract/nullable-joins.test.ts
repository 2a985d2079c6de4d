import { describe, expect, it } from '@jest/globals';
import { Kind, parse, type FieldDefinitionNode, type TypeNode } from 'graphql';
import { readContracts } from '../support/contract-files.js';

/*
 * A field that another subgraph completes is null when that subgraph is down, or knows the thing no longer. Were it
 * non-null, the null would take everything around it along, up to the whole response or event of a subscription.
 */

/** The object types of one subgraph, their extensions included. */
interface Contract {
  readonly subgraph: string;
  readonly types: ReadonlyMap<string, ObjectType>;
}

interface ObjectType {
  readonly name: string;
  readonly keys: readonly string[];
  readonly fields: readonly FieldDefinitionNode[];
}

interface Join {
  /** Such as `consciousness: Device.nodes`. */
  readonly field: string;
  readonly nullable: boolean;
}

function readContract(subgraph: string, sdl: string): Contract {
  const types = new Map<string, ObjectType>();
  for (const node of parse(sdl, { noLocation: true }).definitions) {
    if (node.kind !== Kind.OBJECT_TYPE_DEFINITION && node.kind !== Kind.OBJECT_TYPE_EXTENSION) continue;
    const keys = (node.directives ?? [])
      .filter(({ name }) => name.value === 'key')
      .flatMap(({ arguments: given = [] }) => given)
      .flatMap(({ value }) => (value.kind === Kind.STRING ? value.value.split(/\s+/) : []));
    const name = node.name.value;
    const known = types.get(name) ?? { name, keys: [], fields: [] };
    types.set(name, {
      name,
      keys: [...known.keys, ...keys],
      fields: [...known.fields, ...(node.fields ?? [])],
    });
  }
  return { subgraph, types };
}

function nameOfType(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : nameOfType(type.type);
}

/** The owner of each entity: the one subgraph that has it, or of several the one whose `Query` finds it. */
function findOwners(contracts: readonly Contract[]): Map<string, readonly string[]> {
  const owners = new Map<string, readonly string[]>();
  const entities = new Set(
    contracts
      .flatMap(({ types }) => [...types.values()].filter(({ keys }) => keys.length > 0))
      .map(({ name }) => name),
  );
  for (const entity of entities) {
    const having = contracts.filter(({ types }) => types.get(entity)?.keys.length);
    const finding = having.filter(({ types }) =>
      types.get('Query')?.fields.some(({ type }) => nameOfType(type) === entity),
    );
    owners.set(
      entity,
      (having.length === 1 ? having : finding).map(({ subgraph }) => subgraph),
    );
  }
  return owners;
}

/** Every field at which a response goes over from one subgraph to another. */
function findJoins(contracts: readonly Contract[]): Join[] {
  const owners = findOwners(contracts);
  const isForeign = (type: string, subgraph: string) => owners.get(type)?.includes(subgraph) === false;
  return contracts.flatMap(({ subgraph, types }) =>
    [...types.values()].flatMap(({ name, keys, fields }) =>
      fields
        .filter((field) => !keys.includes(field.name.value))
        .filter(({ type }) => isForeign(name, subgraph) || isForeign(nameOfType(type), subgraph))
        .map((field) => ({
          field: `${subgraph}: ${name}.${field.name.value}`,
          nullable: field.type.kind !== Kind.NON_NULL_TYPE,
        })),
    ),
  );
}

const contracts = [...readContracts()].map(([subgraph, sdl]) => readContract(subgraph, sdl));

describe('the contract of the subgraphs', () => {
  it.each([...findOwners(contracts)])('has one owner of %s', (_entity, owners) => {
    expect(owners).toHaveLength(1);
  });

  it('joins them in both directions', () => {
    const fields = findJoins(contracts).map(({ field }) => field);
    expect(fields).toEqual(
      expect.arrayContaining(['consciousness: Device.nodes', 'consciousness: Node.device']),
    );
  });

  it.each(findJoins(contracts))('lets $field be null', ({ nullable }) => {
    expect(nullable).toBe(true);
  });
});

describe('the search for joins', () => {
  const owner = readContract(
    'shop',
    'type Query { product(id: ID!): Product } type Product @key(fields: "id") { id: ID! name: String! }',
  );

  it('finds what is added to an entity of another, but not its key', () => {
    const other = readContract(
      'stock',
      'type Product @key(fields: "id") { id: ID! amounts: [Int!]! place: Int }',
    );
    expect(findJoins([owner, other])).toEqual([
      { field: 'stock: Product.amounts', nullable: false },
      { field: 'stock: Product.place', nullable: true },
    ]);
  });

  it('finds what leads to an entity of another, also in lists and extensions', () => {
    const other = readContract(
      'stock',
      `type Product @key(fields: "id", resolvable: false) { id: ID! }
       extend type Query { shelves: [Shelf!]! } type Shelf { all: [Product!]! one: Product }`,
    );
    expect(findJoins([owner, other])).toEqual([
      { field: 'stock: Shelf.all', nullable: false },
      { field: 'stock: Shelf.one', nullable: true },
    ]);
  });

  it('tells when two claim an entity', () => {
    const other = readContract(
      'stock',
      'type Query { products: [Product!]! } type Product @key(fields: "id") { id: ID! }',
    );
    expect(findOwners([owner, other])).toEqual(new Map([['Product', ['shop', 'stock']]]));
  });
});
