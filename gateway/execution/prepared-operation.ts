import {
  GraphQLError,
  Kind,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import type { QueryPlan } from '@apollo/query-planner';
import { compilePlan, type CompiledPlan } from './compile-plan.js';
import { createSelectionShape, findConditionVariables, type SelectionShape } from './response-shape.js';
import { selectIntrospection } from './select-introspection.js';

/** An operation with all that is the same for each request of it. */
export interface PreparedOperation {
  readonly definition: OperationDefinitionNode;
  readonly rootType: GraphQLObjectType;
  readonly plan: CompiledPlan;
  /** The shape of the response, which depends on the variables that decide `@skip` and `@include`. */
  shapeFor(variables: Readonly<Record<string, unknown>>): SelectionShape;
  /** The operation's variables that decide its conditions. */
  readonly conditionVariables: readonly string[];
  /** Root fields that this gateway answers itself, as an operation of their own; undefined when there are none. */
  readonly introspection: DocumentNode | undefined;
}

/** What an operation is prepared from. */
export interface PreparationInput {
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly plan: QueryPlan;
  /** What clients see. */
  readonly schema: GraphQLSchema;
}

/** How many shapes of one operation are kept: each condition variable doubles them. */
const MAX_SHAPES = 32;

/** Reads a valid operation and its plan. Errors: GraphQLError when the document has no such operation. */
export function prepareOperation({
  document,
  operationName,
  plan,
  schema,
}: PreparationInput): PreparedOperation {
  const { definition, fragments } = findOperation(document, operationName);
  const rootType = schema.getRootType(definition.operation);
  if (!rootType) throw new GraphQLError(`the schema has no ${definition.operation} operations.`);
  const sets = [definition.selectionSet];
  const declared = new Set(definition.variableDefinitions?.map(({ variable }) => variable.name.value));
  const conditionVariables = findConditionVariables([
    ...sets,
    ...[...fragments.values()].map(({ selectionSet }) => selectionSet),
  ]).filter((name) => declared.has(name));
  const shapes = new Map<string, SelectionShape>();
  return {
    definition,
    rootType,
    plan: compilePlan(plan),
    conditionVariables,
    introspection: selectIntrospection(definition, fragments),
    shapeFor(variables) {
      const key = conditionVariables.map((name) => (variables[name] === true ? '1' : '0')).join('');
      const known = shapes.get(key);
      if (known) return known;
      const shape = createSelectionShape(sets, { schema, fragments, variables });
      if (shapes.size >= MAX_SHAPES) shapes.clear();
      shapes.set(key, shape);
      return shape;
    },
  };
}

function findOperation(document: DocumentNode, operationName: string | undefined) {
  const fragments = new Map<string, FragmentDefinitionNode>();
  let definition: OperationDefinitionNode | undefined;
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
    if (node.kind !== Kind.OPERATION_DEFINITION) continue;
    if (operationName === undefined || node.name?.value === operationName) definition ??= node;
  }
  if (definition) return { definition, fragments };
  throw new GraphQLError(`expected an operation named ${String(operationName)} in the document.`);
}
