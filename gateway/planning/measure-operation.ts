import {
  getNamedType,
  isInterfaceType,
  isObjectType,
  Kind,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { findAskedSize, type VariableDefaults } from './asked-size.js';
import type { ListSize } from './cost-directives.js';
import type { Quantity, Variables } from './quantity.js';

/** How large an operation is in each respect, with all its fragments spread. */
export interface OperationMeasure {
  /** The most fields inside each other. */
  readonly depth: number;
  /** The same below `__schema` and `__type`, which count here only. */
  readonly introspectionDepth: number;
  readonly aliases: number;
  readonly rootFields: number;
  /** The most directives on one selection. */
  readonly directives: number;
  /** The most objects of one type inside each other, and that type. */
  readonly recursion: { readonly count: number; readonly type: string };
  /** The longest list that is asked for by a number in the text. */
  readonly listSize: AskedList | undefined;
  /** The lists that variables ask for. */
  readonly variableListSizes: readonly ((variables: Variables) => AskedList)[];
  /** A field that needs one of its slicing arguments, and has none or several. */
  readonly unsliced: { readonly field: string; readonly given: number } | undefined;
}

/** A list as a client asks for it. */
interface AskedList {
  /** Such as `Query.devices(first:)`. */
  readonly place: string;
  readonly size: number;
}

export interface MeasuringOptions {
  readonly schema: GraphQLSchema;
  readonly definition: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly defaults: VariableDefaults;
  readonly listSizes: ReadonlyMap<string, ListSize>;
}

const PAGE_ARGUMENTS = ['first', 'last'];

/**
 * Measures an operation. It takes as long as there are selections once the fragments are spread: whoever calls has counted
 * them before (see count-selections.ts).
 */
export function measureOperation(options: MeasuringOptions): OperationMeasure {
  const { schema, definition, fragments, defaults, listSizes } = options;
  const measure = beginMeasure(definition);
  /** How many objects of each type are around the field that is looked at. */
  const around = new Map<string, number>();

  function walk(
    { selections }: SelectionSetNode,
    parent: GraphQLNamedType | undefined,
    depth: number,
    isIntrospection: boolean,
  ): void {
    for (const selection of selections) {
      measure.directives = Math.max(measure.directives, selection.directives?.length ?? 0);
      if (selection.kind === Kind.FIELD) {
        walkField(selection, parent, depth + 1, isIntrospection);
        continue;
      }
      const fragment =
        selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value) : selection;
      if (!fragment) continue;
      const condition = fragment.typeCondition?.name.value;
      const type = condition === undefined ? parent : schema.getType(condition);
      walk(fragment.selectionSet, type, depth, isIntrospection);
    }
  }

  function walkField(
    node: FieldNode,
    parent: GraphQLNamedType | undefined,
    depth: number,
    inside: boolean,
  ): void {
    const name = node.name.value;
    if (node.alias) measure.aliases += 1;
    if (depth === 1) measure.rootFields += 1;
    if (inside || name === '__schema' || name === '__type') {
      measure.introspectionDepth = Math.max(measure.introspectionDepth, depth);
      if (node.selectionSet) walk(node.selectionSet, undefined, depth, true);
      return;
    }
    measure.depth = Math.max(measure.depth, depth);
    const field = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
    if (!field || !parent) return;
    readSizes(node, `${parent.name}.${name}`);
    if (node.selectionSet) walkObject(node.selectionSet, getNamedType(field.type), depth);
  }

  function walkObject(set: SelectionSetNode, type: GraphQLNamedType, depth: number): void {
    const count = (around.get(type.name) ?? 0) + 1;
    around.set(type.name, count);
    if (count > measure.recursion.count) measure.recursion = { count, type: type.name };
    walk(set, type, depth, false);
    around.set(type.name, count - 1);
  }

  function readSizes(node: FieldNode, coordinate: string): void {
    if (!node.arguments?.length && !listSizes.has(coordinate)) return;
    const { slicingArguments: slicing = [], requireOneSlicingArgument } = listSizes.get(coordinate) ?? {};
    const found = [...new Set([...slicing, ...PAGE_ARGUMENTS])].flatMap((path) => {
      const size = findAskedSize(node, path, { defaults, fallback: 0 });
      return size === undefined ? [] : [{ path, size }];
    });
    for (const { path, size } of found) noteSize(`${coordinate}(${path}:)`, size);
    const given = found.filter(({ path }) => slicing.includes(path)).length;
    if (requireOneSlicingArgument && slicing.length > 0 && given !== 1)
      measure.unsliced ??= { field: coordinate, given };
  }

  function noteSize(place: string, size: Quantity): void {
    if (typeof size === 'function')
      measure.variableListSizes.push((variables) => ({ place, size: size(variables) }));
    else if (size > (measure.listSize?.size ?? 0)) measure.listSize = { place, size };
  }

  walk(definition.selectionSet, schema.getRootType(definition.operation) ?? undefined, 0, false);
  return measure;
}

function beginMeasure({ directives }: OperationDefinitionNode) {
  return {
    depth: 0,
    introspectionDepth: 0,
    aliases: 0,
    rootFields: 0,
    directives: directives?.length ?? 0,
    recursion: { count: 0, type: '' },
    listSize: undefined as AskedList | undefined,
    variableListSizes: [] as ((variables: Variables) => AskedList)[],
    unsliced: undefined as OperationMeasure['unsliced'],
  };
}
