import { OperationTypeNode } from 'graphql';
import { z } from 'zod';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { readArguments } from './read-arguments.js';
import type { RunOperation } from './run-operation.js';
import type { McpTool } from './tool.js';
import { writeInputSchema } from './write-input-schema.js';

const executeArguments = z.strictObject({
  query: z.string().min(1).describe('The GraphQL document.'),
  variables: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('The values of the variables of the operation.'),
  operationName: z
    .string()
    .optional()
    .describe('Which operation of the document to execute, if there are several.'),
});

/** The tool by which an agent executes an operation that it has written itself. */
export function createExecuteTool(run: RunOperation, mutations: boolean): McpTool {
  return {
    definition: {
      name: 'execute_query',
      title: 'Execute GraphQL',
      description: `Executes a GraphQL query${mutations ? ' or mutation' : ''} and gives its data and errors. Learn what there is by search_schema and describe_type first, if they are there.`,
      inputSchema: writeInputSchema(executeArguments),
      annotations: mutations ? { readOnlyHint: false, destructiveHint: true } : { readOnlyHint: true },
    },
    async call(call) {
      const { query, variables, operationName } = readArguments(executeArguments, call.arguments);
      const request = { query, documentId: undefined, operationName, variables };
      return run(request, call, ({ operation }) => refuse(operation, mutations));
    },
  };
}

function refuse(operation: OperationTypeNode, mutations: boolean): AegisError | undefined {
  if (operation === OperationTypeNode.QUERY) return undefined;
  if (operation === OperationTypeNode.SUBSCRIPTION)
    return new AegisError('BAD_USER_INPUT', 'expected a query, got a subscription: a tool answers once.');
  if (mutations) return undefined;
  return new AegisError(
    'FORBIDDEN',
    'expected a query, got a mutation: agents may not write their own here.',
    {
      details: { reason: 'MUTATIONS_DISABLED' },
    },
  );
}
