import {
  getNamedType,
  getNullableType,
  isCompositeType,
  isListType,
  isObjectType,
  isInterfaceType,
  Kind,
  OperationTypeNode,
  type DirectiveNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { createCostWeights } from './cost-weights.js';
import { createArgumentCost } from './argument-cost.js';
import { findAskedSize, valueOf, type VariableDefaults } from './asked-size.js';
import type { CostDirectives, ListSize } from './cost-directives.js';
import { largestOf, productOf, sumOf, type Quantity } from './quantity.js';

export interface CostOptions {
  /** What clients see. */
  readonly schema: GraphQLSchema;
  readonly directives: CostDirectives;
  /** How long a list is taken to be about which nothing else is known. */
  readonly defaultListSize: number;
}

/** An operation whose fragments are known. */
export interface CostedOperation {
  readonly definition: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly defaults: VariableDefaults;
}

/** What the object above says of how long some of its lists are. */
interface SizedFields {
  readonly names: readonly string[];
  readonly size: Quantity;
}

const MUTATION_COST = 10;

/**
 * Computes what an operation costs at most, from its text: 1 for each object, 0 for each scalar and enum value, times the
 * lengths of the lists around it, 10 for a mutation, or the weights that `@cost` gives; `@listSize` tells how long lists are.
 * All types that an abstract one may be are added up.
 *
 * Sources: IBM, GraphQL Cost Directives Specification, §3 (ibm.github.io/graphql-specs/cost-spec.html); its reading by Apollo,
 * "Demand control" (apollographql.com/docs/graphos/routing/security/demand-control), for the weights without directives.
 */
export function createCostOf(options: CostOptions): (operation: CostedOperation) => Quantity {
  const { schema, directives, defaultListSize } = options;
  const weights = createCostWeights(schema, directives);
  const argumentCost = createArgumentCost(directives.weights);

  return ({ definition, fragments, defaults }) => {
    const root = schema.getRootType(definition.operation);
    if (!root) return 0;
    const base = definition.operation === OperationTypeNode.MUTATION ? MUTATION_COST : 0;
    return sumOf([
      weights.weightOf([root.name]) ?? base,
      costOfSet(definition.selectionSet, root, undefined),
    ]);

    function costOfSet(
      { selections }: SelectionSetNode,
      parent: GraphQLNamedType,
      sized: SizedFields | undefined,
    ): Quantity {
      return sumOf(
        selections.map((selection) => {
          const happens = conditionOf(selection.directives ?? [], defaults);
          return happens === 0 ? 0 : productOf(happens, costOf(selection, parent, sized));
        }),
      );
    }

    function costOf(
      selection: SelectionNode,
      parent: GraphQLNamedType,
      sized: SizedFields | undefined,
    ): Quantity {
      if (selection.kind === Kind.FIELD) return costOfField(selection, parent, sized);
      const fragment =
        selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value) : selection;
      if (!fragment) return 0;
      const condition = fragment.typeCondition?.name.value;
      const type = condition === undefined ? parent : (schema.getType(condition) ?? parent);
      return costOfSet(fragment.selectionSet, type, sized);
    }

    function costOfField(
      node: FieldNode,
      parent: GraphQLNamedType,
      sized: SizedFields | undefined,
    ): Quantity {
      const field = fieldOf(parent, node.name.value);
      if (!field) return 0;
      const coordinates = weights.coordinatesOf(parent, field.name);
      const listSize = weights.listSizeOf(coordinates);
      const size = listSize && sizeOf(node, listSize, { args: field.args, defaults, defaultListSize });
      const named = getNamedType(field.type);
      const below: SizedFields | undefined =
        listSize && size !== undefined && listSize.sizedFields.length > 0
          ? { names: listSize.sizedFields, size }
          : undefined;
      const children =
        node.selectionSet && isCompositeType(named) ? costOfSet(node.selectionSet, named, below) : 0;
      const each = sumOf([weights.weightOf(coordinates) ?? weights.weightOfType(named), children]);
      const own = argumentCost(node, coordinates, { args: field.args, defaults });
      return sumOf([productOf(countOf(field, { sized, below, size }), each), own]);
    }
  };

  function countOf(
    field: GraphQLField<unknown, unknown>,
    {
      sized,
      below,
      size,
    }: {
      readonly sized: SizedFields | undefined;
      readonly below: SizedFields | undefined;
      readonly size: Quantity | undefined;
    },
  ): Quantity {
    if (!isListType(getNullableType(field.type))) return 1;
    if (sized?.names.includes(field.name)) return sized.size;
    return below === undefined && size !== undefined ? size : defaultListSize;
  }
}

/** How many a field says that it returns. */
function sizeOf(
  node: FieldNode,
  { assumedSize, slicingArguments }: ListSize,
  {
    args,
    defaults,
    defaultListSize,
  }: {
    readonly args: readonly GraphQLArgument[];
    readonly defaults: VariableDefaults;
    readonly defaultListSize: number;
  },
): Quantity {
  const fallback = assumedSize ?? defaultListSize;
  const asked = slicingArguments.flatMap((path): readonly Quantity[] => {
    const given = findAskedSize(node, path, { defaults, fallback });
    if (given !== undefined) return [given];
    const initial: unknown = args.find(({ name }) => name === path)?.defaultValue;
    return typeof initial === 'number' ? [initial] : [];
  });
  return largestOf(asked, fallback);
}

function fieldOf(parent: GraphQLNamedType, name: string): GraphQLField<unknown, unknown> | undefined {
  return isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
}

/** 1 where a selection is made, 0 where `@skip` or `@include` leave it out. */
function conditionOf(directives: readonly DirectiveNode[], defaults: VariableDefaults): Quantity {
  let condition: Quantity = 1;
  for (const { name, arguments: given } of directives) {
    const wanted = name.value === 'include';
    const value = given?.find((argument) => argument.name.value === 'if')?.value;
    if (!value || (!wanted && name.value !== 'skip')) continue;
    if (value.kind === Kind.BOOLEAN) condition = productOf(condition, value.value === wanted ? 1 : 0);
    if (value.kind !== Kind.VARIABLE) continue;
    const variable = value.name.value;
    condition = productOf(condition, (variables) =>
      (valueOf(variable, variables, defaults) === true) === wanted ? 1 : 0,
    );
  }
  return condition;
}
