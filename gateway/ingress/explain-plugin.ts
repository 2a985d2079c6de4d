import {
  HeaderMap,
  type ApolloServerPlugin,
  type GraphQLRequest,
  type GraphQLRequestListener,
  type GraphQLResponse,
} from '@apollo/server';
import { GraphQLError, type FormattedExecutionResult } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../kernel/errors/codes.js';
import type { FormatErrors } from '../../kernel/graphql/format-errors.js';
import type { AdmittedOperation } from '../access/admission.js';
import { isAdministrator } from '../access/admission-settings.js';
import type { ExplainedPlan } from '../execution/explain-plan.js';
import type { HttpContext } from './http-context.js';

/** What `extensions.plan` tells. */
interface Explanation extends ExplainedPlan {
  /** What the request costs at most, as computed before it runs. */
  readonly cost: number;
}

export interface ExplainPluginOptions {
  /** Whether administrators may ask for plans. */
  readonly explain: boolean;
  readonly formatErrors: FormatErrors;
}

/**
 * Tells the plan of an operation in `extensions.plan` to administrators who ask for it: by `?explain` or the header
 * `aegis-explain`. With `only` as the value, the operation is not executed.
 */
export function createExplainPlugin({
  explain,
  formatErrors,
}: ExplainPluginOptions): ApolloServerPlugin<HttpContext> {
  function listen(
    { admission, principal, trace }: HttpContext,
    wish: string,
  ): GraphQLRequestListener<HttpContext> | undefined {
    if (admission?.kind !== 'admitted') return undefined;
    let explanation: Explanation | undefined;
    return {
      async responseForOperation() {
        if (!explain || !isAdministrator(principal))
          return respond({ errors: formatErrors([forbidden()], trace) }, ERROR_CODES.FORBIDDEN.httpStatus);
        explanation = await explainOperation(admission).catch(() => undefined);
        // What cannot be explained cannot be executed either, and that tells why.
        return wish === 'only' && explanation ? respond({}, 200) : null;
      },
      willSendResponse({ response: { body } }) {
        if (explanation && body.kind === 'single')
          body.singleResult.extensions = { ...body.singleResult.extensions, plan: explanation };
        return Promise.resolve();
      },
    };
  }

  return {
    requestDidStart({ request, contextValue }) {
      const wish = findExplainWish(request);
      return Promise.resolve(wish === undefined ? undefined : listen(contextValue, wish));
    },
  };
}

function respond(singleResult: FormattedExecutionResult, status: number): GraphQLResponse {
  return { http: { status, headers: new HeaderMap() }, body: { kind: 'single', singleResult } };
}

async function explainOperation(operation: AdmittedOperation): Promise<Explanation> {
  const { generation, document, operationName, variables = {} } = operation;
  const prepared = generation.prepare(document, operationName);
  const cost = generation.limits.weigh(document, operationName, variables);
  return { ...(await generation.explain(prepared, variables)), cost };
}

/** What a request says of explaining: nothing, or a word that may be `only`. */
export function findExplainWish({ http }: GraphQLRequest): string | undefined {
  const header = http?.headers.get('aegis-explain');
  if (header !== undefined) return header === 'false' ? undefined : header;
  if (!http?.search.includes('explain')) return undefined;
  return new URLSearchParams(http.search).get('explain') ?? undefined;
}

function forbidden(): GraphQLError {
  const originalError = new AegisError(
    'FORBIDDEN',
    'expected an administrator to ask for a plan, and a gateway that tells it (AEGIS_EXPLAIN).',
  );
  return new GraphQLError(originalError.message, { originalError });
}
