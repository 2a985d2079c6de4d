import {
  HeaderMap,
  type ApolloServerPlugin,
  type GraphQLRequest,
  type GraphQLResponse,
} from '@apollo/server';
import Negotiator from 'negotiator';
import { formatResult, type FormatErrors } from '../../kernel/graphql/format-errors.js';
import { isIncremental } from '../execution/incremental-result.js';
import type { Gateway } from '../gateway.js';
import { findExplainWish } from './explain-plugin.js';
import type { HttpContext } from './http-context.js';
import { INCREMENTAL_FORMATS, writeIncremental, type IncrementalFormat } from './incremental-format.js';

export interface DeferPluginOptions {
  readonly gateway: Pick<Gateway, 'executeIncrementally'>;
  readonly formatErrors: FormatErrors;
}

const FORMATS = Object.keys(INCREMENTAL_FORMATS) as IncrementalFormat[];

/**
 * Answers operations with `@defer` in parts, for clients that accept one of the forms of that. For all others, and where a
 * plan is asked for, the directive is a hint that is not followed, as the specification has it.
 *
 * Source: Incremental Delivery over HTTP, multipart/mixed.
 */
export function createDeferPlugin({
  gateway,
  formatErrors,
}: DeferPluginOptions): ApolloServerPlugin<HttpContext> {
  async function respond(context: HttpContext, format: IncrementalFormat): Promise<GraphQLResponse | null> {
    const { admission, trace, principal, headers, signal } = context;
    if (admission?.kind !== 'admitted' || !admission.text.includes('@defer')) return null;
    const result = await gateway.executeIncrementally({
      ...admission,
      context: { trace, principal, headers },
      signal,
    });
    const http = { headers: new HeaderMap() };
    if (!isIncremental(result))
      return { http, body: { kind: 'single', singleResult: formatResult(result, formatErrors, trace) } };
    const { first, others } = writeIncremental(format, result, { formatErrors, trace });
    return { http, body: { kind: 'incremental', initialResult: first, subsequentResults: others } };
  }

  return {
    requestDidStart({ request, contextValue }) {
      const format = findFormat(request, contextValue);
      if (format === undefined) return Promise.resolve();
      return Promise.resolve({ responseForOperation: () => respond(contextValue, format) });
    },
  };
}

/** The form that a request asks for; the operations of a batch are answered as a whole, and so is what is explained. */
function findFormat(request: GraphQLRequest, { isBatch }: HttpContext): IncrementalFormat | undefined {
  const { http } = request;
  const accept = http?.headers.get('accept');
  if (!accept?.includes('multipart/mixed') || isBatch) return undefined;
  if (findExplainWish(request) !== undefined) return undefined;
  // As Apollo Server does, which says in the response which one it is.
  const preferred = new Negotiator({ headers: { accept } }).mediaType(['multipart/mixed', ...FORMATS]);
  return FORMATS.find((format) => format === preferred);
}
