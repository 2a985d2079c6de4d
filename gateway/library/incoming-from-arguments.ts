import { createHash } from 'node:crypto';
import type { GatewayGraphQLRequestContext } from '@apollo/server-gateway-interface';
import { getOperationAST, GraphQLError, print, type ExecutionArgs } from 'graphql';
import type { Logger } from '../../kernel/telemetry/logger.js';

/** What graphql-js takes to execute an operation, as far as a gateway has use for it. */
export type OperationArguments = Pick<
  ExecutionArgs,
  'schema' | 'document' | 'variableValues' | 'operationName' | 'contextValue'
>;

/**
 * An operation that did not come through Apollo Server, in the form in which data sources know those that did. It has no
 * HTTP request, no cache and no cache policy.
 *
 * Errors: GraphQLError when the document has no such operation.
 */
export function incomingFromArguments(
  args: OperationArguments,
  logger: Logger,
): GatewayGraphQLRequestContext {
  const { schema, document, variableValues, contextValue } = args;
  const operationName = args.operationName ?? undefined;
  const operation = getOperationAST(document, operationName);
  if (!operation) throw new GraphQLError('expected the name of one of the operations in the document.');
  const source = () => document.loc?.source.body ?? print(document);
  return {
    request: {
      get query() {
        return source();
      },
      ...(operationName === undefined ? {} : { operationName }),
      variables: { ...variableValues },
    },
    logger,
    schema,
    schemaHash: '' as GatewayGraphQLRequestContext['schemaHash'],
    context: isRecord(contextValue) ? contextValue : {},
    cache: NO_CACHE,
    get queryHash() {
      return createHash('sha256').update(source()).digest('hex');
    },
    document,
    get source() {
      return source();
    },
    operationName: operation.name?.value ?? null,
    operation,
    metrics: {},
    overallCachePolicy: undefined,
  };
}

const NO_CACHE: GatewayGraphQLRequestContext['cache'] = {
  get: () => Promise.resolve(undefined),
  set: () => Promise.resolve(),
  delete: () => Promise.resolve(false),
};

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
