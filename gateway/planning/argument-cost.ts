import {
  getNamedType,
  isInputObjectType,
  Kind,
  type FieldNode,
  type GraphQLArgument,
  type GraphQLInputType,
  type ValueNode,
} from 'graphql';
import { valueOf, type VariableDefaults } from './asked-size.js';
import { sumOf, type Quantity } from './quantity.js';

/** What a field's arguments cost. */
export type ArgumentCost = (
  node: FieldNode,
  /** Of the field, and of the same field of the types that its own type may be. */
  coordinates: readonly string[],
  known: { readonly args: readonly GraphQLArgument[]; readonly defaults: VariableDefaults },
) => Quantity;

/** An argument or a field of an input object: where it stands, and its type. */
interface Input {
  readonly weight: number | undefined;
  readonly type: GraphQLInputType;
}

/**
 * Computes what arguments cost: 1 for each input object, 0 for everything else, or their weights. A list costs what its
 * items cost.
 *
 * Source: IBM, GraphQL Cost Directives Specification, §3.2.2, on input weights.
 *
 * @param weights by schema coordinate.
 */
export function createArgumentCost(weights: ReadonlyMap<string, number>): ArgumentCost {
  return (node, coordinates, { args, defaults }) => {
    const costs = (node.arguments ?? []).map((given) => {
      const name = given.name.value;
      const argument = args.find((known) => known.name === name);
      if (!argument) return 0;
      const found = coordinates.flatMap((coordinate) => weights.get(`${coordinate}(${name}:)`) ?? []);
      const weight = found.length === 0 ? undefined : Math.max(...found);
      return costOfNode(given.value, { weight, type: argument.type }, defaults);
    });
    return sumOf(costs);
  };

  function weightOf({ weight, type }: Input): number {
    const named = getNamedType(type);
    return weight ?? weights.get(named.name) ?? (isInputObjectType(named) ? 1 : 0);
  }

  function membersOf({ type }: Input): ReadonlyMap<string, Input> {
    const named = getNamedType(type);
    if (!isInputObjectType(named)) return new Map();
    const fields = Object.values(named.getFields());
    return new Map(
      fields.map((field) => [
        field.name,
        { weight: weights.get(`${named.name}.${field.name}`), type: field.type },
      ]),
    );
  }

  function costOfNode(value: ValueNode, input: Input, defaults: VariableDefaults): Quantity {
    if (value.kind === Kind.NULL) return 0;
    if (value.kind === Kind.VARIABLE) {
      const variable = value.name.value;
      if (!mayCost(input)) return 0;
      return (variables) => costOfValue(valueOf(variable, variables, defaults), input);
    }
    if (value.kind === Kind.LIST) return sumOf(value.values.map((item) => costOfNode(item, input, defaults)));
    if (value.kind !== Kind.OBJECT) return weightOf(input);
    const members = membersOf(input);
    const inner = value.fields.map((field) => {
      const member = members.get(field.name.value);
      return member ? costOfNode(field.value, member, defaults) : 0;
    });
    return sumOf([weightOf(input), ...inner]);
  }

  function costOfValue(value: unknown, input: Input): number {
    if (value === null || value === undefined) return 0;
    if (Array.isArray(value)) {
      return (value as unknown[]).reduce<number>((sum, item) => sum + costOfValue(item, input), 0);
    }
    let cost = weightOf(input);
    if (typeof value !== 'object') return cost;
    const members = membersOf(input);
    for (const [name, inner] of Object.entries(value)) {
      const member = members.get(name);
      if (member) cost += costOfValue(inner, member);
    }
    return cost;
  }

  /** Most variables are scalars without a weight: nothing of them need be looked at for a request. */
  function mayCost(input: Input): boolean {
    return weightOf(input) !== 0 || isInputObjectType(getNamedType(input.type));
  }
}
