import {
  executeSync,
  Kind,
  OperationTypeNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import type { FieldShape } from './response-shape.js';

/** What an operation may ask about its schema. */
export interface IntrospectionSource {
  readonly schema: GraphQLSchema;
  readonly definition: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
}

/** Answers the fields of one request that ask about the schema, wherever the query type is: each field once. */
export function createIntrospection(
  { schema, definition, fragments }: IntrospectionSource,
  variableValues: Readonly<Record<string, unknown>>,
): (field: FieldShape) => unknown {
  // Few requests ask about the schema.
  let answers: Map<FieldShape, unknown> | undefined;
  return (field) => {
    answers ??= new Map();
    if (answers.has(field)) return answers.get(field);
    const selectionSet = { kind: Kind.SELECTION_SET, selections: field.nodes } as const;
    const operation = { ...definition, operation: OperationTypeNode.QUERY, selectionSet };
    const document = { kind: Kind.DOCUMENT, definitions: [operation, ...fragments.values()] } as const;
    const answer = executeSync({ schema, document, variableValues }).data?.[field.responseName];
    answers.set(field, answer);
    return answer;
  };
}
