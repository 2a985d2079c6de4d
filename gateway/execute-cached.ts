import type { ExecutionResult } from 'graphql';
import type { RequestContext } from '../kernel/graphql/subgraph.js';
import type { ResponseCache } from './caching/response-cache.js';
import { asData, WrittenData } from './execution/written-data.js';
import type { GatewayOperation } from './gateway-operation.js';

/**
 * Answers a query with the response that is kept for it, or else executes it and keeps what may be kept.
 *
 * @param execute executes the operation in a context. Errors: what it throws.
 */
export async function executeCached(
  responses: ResponseCache,
  operation: GatewayOperation,
  execute: (context: RequestContext) => Promise<ExecutionResult>,
): Promise<ExecutionResult> {
  const { generation, document, operationName, variables, context, onAge } = operation;
  const supergraph = generation.snapshot.id;
  const asked = { supergraph, document, operationName, variables: variables ?? {}, context };
  const opened = await responses.open(asked);
  if (!opened) return execute(context);
  if ('text' in opened) {
    onAge?.(opened.age);
    const { text } = opened;
    const data = operation.written
      ? asData(new WrittenData(text))
      : (JSON.parse(text) as Record<string, unknown>);
    return { data };
  }
  const result = await execute(opened.context);
  const { data, errors } = result;
  if (!data || errors) return result;
  const age = opened.keep(() => (data instanceof WrittenData ? data.text : JSON.stringify(data)));
  if (age) onAge?.(age);
  return result;
}
