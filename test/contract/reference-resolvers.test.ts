import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  execute,
  getNamedType,
  isCompositeType,
  isObjectType,
  isRequiredArgument,
  isUnionType,
  Kind,
  parse,
  visit,
  type DirectiveNode,
  type ExecutionResult,
  type GraphQLObjectType,
  type GraphQLUnionType,
} from 'graphql';
import { DEFAULT_WORKSPACE } from '../../kernel/identity/principal.js';
import { readContracts } from '../support/contract-files.js';
import { openTestDatabase } from '../support/embedded-database.js';
import {
  askSubgraph,
  openLocalSystem,
  requestContext,
  SCHEMA_FOLDER,
  type LocalSubgraph,
  type LocalSystem,
} from '../support/local-system.js';
import { waitFor } from '../support/wait-for.js';

/** A type that a subgraph resolves by one of its keys. */
interface Entity {
  readonly subgraph: string;
  readonly type: string;
  /** The fields of the key, as the contract has them. */
  readonly key: string;
}

type Representation = Readonly<Record<string, unknown>>;

/** What is in the database. */
interface Prepared {
  readonly deviceIds: readonly string[];
  readonly eventIds: readonly string[];
  readonly groupIds: readonly string[];
  readonly rolloutIds: readonly string[];
  readonly runIds: readonly string[];
}

const NOTHING: Prepared = { deviceIds: [], eventIds: [], groupIds: [], rolloutIds: [], runIds: [] };
const MANY = 100;
/** The most that a network may have; the other representations lead to nothing. */
const NODES = 64;
const EPOCH = '2020-01-01T00:00:00.000Z';

/** A hundred representations of each entity, most of which exist. */
const REPRESENTATIONS: Readonly<Record<string, (prepared: Prepared) => readonly Representation[]>> = {
  'devices: Device by id': ({ deviceIds }) => deviceIds.map((id) => ({ id })),
  'devices: DeviceGroup by id': ({ groupIds }) => groupIds.map((id) => ({ id })),
  'devices: Rollout by id': ({ rolloutIds }) => rolloutIds.map((id) => ({ id })),
  'devices: Run by id': ({ runIds }) => runIds.map((id) => ({ id })),
  'events: Device by id': ({ deviceIds }) => deviceIds.map((id) => ({ id })),
  'events: PlatformEvent by id': ({ eventIds }) => eventIds.map((id) => ({ id })),
  'consciousness: Device by id': ({ deviceIds }) => deviceIds.map((id) => ({ id })),
  'consciousness: Node by id': () => Array.from({ length: MANY }, (_, index) => ({ id: `nod_${index}` })),
};

/** What fields are given that do not go without an argument. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  'Device.reading': '(metric: "m0")',
  'Device.series': `(metric: "m0", range: { from: "${EPOCH}" })`,
};

/** Puts into the database what the representations stand for, by the doors of the running subgraphs. */
async function prepare(system: LocalSystem): Promise<Prepared> {
  const deviceIds: string[] = [];
  for (let device = 0; device < MANY; device += 1) {
    // The first is the one whose metrics the nodes take as their signals.
    const name = device === 0 ? 'host' : `device-${device}`;
    const names = Array.from({ length: device === 0 ? NODES : 2 }, (_, metric) => `m${metric}`);
    const input = { name, metrics: names.map((metric) => ({ name: metric, unit: '1' })) };
    const { registerDevice } = await askSubgraph<{ registerDevice: { device: { id: string } } }>(
      system,
      'devices',
      'mutation ($input: RegisterDeviceInput!) { registerDevice(input: $input) { device { id } } }',
      { input },
    );
    deviceIds.push(registerDevice.device.id);
    await system.ingest(name, Object.fromEntries(names.map((metric) => [metric, device])));
  }
  await waitFor('the network has been sampled', async () => {
    const ask = '{ networkState { sampledAt } }';
    return (await askSubgraph<{ networkState: unknown }>(system, 'consciousness', ask)).networkState !== null;
  });
  const facts = await system.log.readAfter(DEFAULT_WORKSPACE, 0n, MANY);
  return { deviceIds, eventIds: facts.map(({ id }) => id), ...(await prepareFleet(system, deviceIds)) };
}

/** A group and a rollout, which is a run, for each device. */
async function prepareFleet(system: LocalSystem, deviceIds: readonly string[]) {
  const made = { groupIds: [] as string[], rolloutIds: [] as string[], runIds: [] as string[] };
  for (const [place, id] of deviceIds.entries()) {
    const { createDeviceGroup, createRollout } = await askSubgraph<{
      createDeviceGroup: { group: { id: string } };
      createRollout: { rollout: { id: string; run: { id: string } } };
    }>(
      system,
      'devices',
      `mutation ($group: CreateDeviceGroupInput!, $rollout: CreateRolloutInput!) {
        createDeviceGroup(input: $group) { group { id } }
        createRollout(input: $rollout) { rollout { id run { id } } }
      }`,
      {
        group: { name: `group-${place}`, deviceIds: [id] },
        rollout: { name: `rollout ${place}`, selection: { ids: [id] }, patch: { interval: place + 1 } },
      },
    );
    made.groupIds.push(createDeviceGroup.group.id);
    made.rolloutIds.push(createRollout.rollout.id);
    made.runIds.push(createRollout.rollout.run.id);
  }
  return made;
}

/** Every resolvable entity of every subgraph, as the contracts tell. */
function findEntities(): readonly Entity[] {
  return [...readContracts(SCHEMA_FOLDER)].flatMap(([subgraph, sdl]) => entitiesOf(subgraph, sdl));
}

function entitiesOf(subgraph: string, sdl: string): readonly Entity[] {
  const entities: Entity[] = [];
  const enter = (node: { name: { value: string }; directives?: readonly DirectiveNode[] | undefined }) => {
    for (const directive of node.directives ?? []) {
      const { fields, resolvable } = readArguments(directive);
      if (directive.name.value !== 'key' || resolvable === false) continue;
      entities.push({ subgraph, type: node.name.value, key: String(fields) });
    }
  };
  visit(parse(sdl), { ObjectTypeDefinition: { enter }, ObjectTypeExtension: { enter } });
  return entities;
}

function readArguments(directive: DirectiveNode): Record<string, string | boolean | undefined> {
  return Object.fromEntries(
    (directive.arguments ?? []).map(({ name, value }) => [
      name.value,
      value.kind === Kind.STRING || value.kind === Kind.BOOLEAN ? value.value : undefined,
    ]),
  );
}

function nameOf({ subgraph, type, key }: Entity): string {
  return `${subgraph}: ${type} by ${key}`;
}

function representationsOf(entity: Entity, prepared: Prepared): readonly Representation[] {
  const make = REPRESENTATIONS[nameOf(entity)];
  if (make) return make(prepared).map((keys) => ({ __typename: entity.type, ...keys }));
  throw new Error(
    `There is no data for the entity "${nameOf(entity)}". In test/contract/reference-resolvers.test.ts, let prepare() put ` +
      `${MANY} of it into the database, and add their representations to REPRESENTATIONS under that name.`,
  );
}

/** All fields of a type and of the types that they lead to; where that leads back, only those without a selection. */
function selectAll(type: GraphQLObjectType, path: readonly string[] = []): string {
  const leadsBack = path.includes(type.name);
  const fields = Object.values(type.getFields()).flatMap((field) => {
    const name = `${type.name}.${field.name}`;
    const text = field.args.some(isRequiredArgument) ? ARGUMENTS[name] : '';
    if (text === undefined) {
      throw new Error(`${name} does not go without arguments: add some to ARGUMENTS in this test.`);
    }
    const named = getNamedType(field.type);
    if (!isCompositeType(named)) return field.name + text;
    if (leadsBack) return [];
    if (isObjectType(named)) return `${field.name}${text} { ${selectAll(named, [...path, type.name])} }`;
    if (isUnionType(named)) return `${field.name}${text} { ${selectMembers(named, [...path, type.name])} }`;
    throw new Error(`${name} leads to ${named.name}, which this test cannot select.`);
  });
  return fields.join(' ');
}

/** All fields of whatever a union may be. */
function selectMembers(union: GraphQLUnionType, path: readonly string[]): string {
  return union
    .getTypes()
    .map((member) => `... on ${member.name} { ${selectAll(member, path)} }`)
    .join(' ');
}

function resolveEntities(
  { schema, subgraph }: LocalSubgraph,
  type: string,
  representations: readonly Representation[],
): ExecutionResult | Promise<ExecutionResult> {
  const object = schema.getType(type);
  if (!isObjectType(object)) throw new Error(`expected ${type} to be an object type`);
  return execute({
    schema,
    document: parse(
      `query ($representations: [_Any!]!) {
        _entities(representations: $representations) { ... on ${type} { ${selectAll(object)} } }
      }`,
    ),
    variableValues: { representations },
    contextValue: subgraph.createContext(requestContext()),
  });
}

describe('every reference resolver', () => {
  const entities = findEntities();
  const statements: string[] = [];
  let system: LocalSystem;
  let prepared: Prepared;
  const closers: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    const database = await openTestDatabase({ onStatement: (sql) => statements.push(sql) });
    closers.push(() => database.close());
    const env = { AEGIS_NODE_COUNT: String(NODES), AEGIS_SAMPLE_PERIOD_MS: '50' };
    const running = await openLocalSystem({ database, env });
    closers.push(() => running.close());
    await running.start();
    prepared = await prepare(running);
    await running.close();
    // Made anew and not started: nothing but the resolvers talks to the database from here on.
    system = await openLocalSystem({ database, env });
  }, 120_000);

  afterAll(async () => {
    for (const close of closers.reverse()) await close();
  });

  async function count(entity: Entity, representations: readonly Representation[]) {
    const subgraph = system.subgraphs.get(entity.subgraph);
    if (!subgraph) throw new Error(`expected a folder subgraphs/${entity.subgraph}`);
    statements.length = 0;
    const { data, errors } = await resolveEntities(subgraph, entity.type, representations);
    expect(errors).toBeUndefined();
    const found = (data?.['_entities'] as readonly unknown[]).filter((one) => one !== null);
    return { found: found.length, statements: [...statements] };
  }

  it.each(entities.map((entity) => [nameOf(entity), entity] as const))(
    'asks the database as often for 100 as for one: %s',
    async (_name, entity) => {
      const representations = representationsOf(entity, prepared);
      expect(representations).toHaveLength(MANY);
      const one = await count(entity, representations.slice(0, 1));
      const many = await count(entity, representations);
      expect(one.found).toBe(1);
      expect(many.found).toBeGreaterThan(MANY / 2);
      expect(one.statements.length).toBeGreaterThan(0);
      expect(many.statements.map(tableOf)).toEqual(one.statements.map(tableOf));
    },
  );

  it('is found in the contracts', () => {
    expect(entities.map(nameOf)).toEqual(expect.arrayContaining(Object.keys(REPRESENTATIONS)));
  });
});

/** What a statement does and to which table: that of the parameters' number is not compared. */
function tableOf(sql: string): string {
  return (
    /^\s*(?:WITH|SELECT|INSERT|UPDATE|DELETE)\b.*?\b(?:FROM|INTO|UPDATE)\s+(?<table>\S+)/is.exec(sql)
      ?.groups?.['table'] ?? sql
  );
}

describe('the search for entities', () => {
  const [first, second, ...others] = entitiesOf(
    'shop',
    `type A @key(fields: "id") @key(fields: "sku { code }") { id: ID! }
     extend type B @key(fields: "id", resolvable: true) { id: ID! }
     type C @key(fields: "id", resolvable: false) { id: ID! }
     type D { id: ID! }`,
  );

  it('finds each key of types and extensions that the subgraph resolves', () => {
    expect([first, second, ...others].map((entity) => entity && nameOf(entity))).toEqual([
      'shop: A by id',
      'shop: A by sku { code }',
      'shop: B by id',
    ]);
  });

  it('says what to add for an entity without data', () => {
    expect(() => representationsOf({ subgraph: 'shop', type: 'A', key: 'id' }, NOTHING)).toThrow(
      'There is no data for the entity "shop: A by id". In test/contract/reference-resolvers.test.ts, let prepare() put 100',
    );
  });
});
