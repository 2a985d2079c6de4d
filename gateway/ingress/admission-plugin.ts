import {
  HeaderMap,
  type ApolloServerPlugin,
  type GraphQLRequest,
  type GraphQLRequestListener,
  type GraphQLResponse,
} from '@apollo/server';
import { Kind, OperationTypeNode, type DocumentNode, type GraphQLFormattedError } from 'graphql';
import { ERROR_CODES, isErrorCode } from '../../kernel/errors/codes.js';
import type { FormatErrors } from '../../kernel/graphql/format-errors.js';
import type { Admission } from '../access/admission.js';
import type { OperationRequest } from '../access/operation-request.js';
import type { HttpContext } from './http-context.js';
import { mayHaveFiles } from './register-uploads.js';

export interface AdmissionPluginOptions {
  readonly admission: Admission;
  readonly formatErrors: FormatErrors;
}

/** What Apollo Server is told instead of an operation that is refused; it is never executed. */
const NO_QUERY = '{ __typename }';
const NO_DOCUMENT: DocumentNode = {
  kind: Kind.DOCUMENT,
  definitions: [
    {
      kind: Kind.OPERATION_DEFINITION,
      operation: OperationTypeNode.QUERY,
      selectionSet: { kind: Kind.SELECTION_SET, selections: [] },
    },
  ],
};

/** Puts the gateway's admission in the place of what Apollo Server would do itself: find, parse and validate documents. */
export function createAdmissionPlugin({
  admission,
  formatErrors,
}: AdmissionPluginOptions): ApolloServerPlugin<HttpContext> {
  function begin(request: GraphQLRequest, context: HttpContext): GraphQLRequestListener<HttpContext> {
    const outcome = admission.admit(toOperationRequest(request), context.principal);
    const { persistedQuery: _persistedQuery, ...extensions } = request.extensions ?? {};
    request.extensions = extensions;
    request.query = outcome.kind === 'admitted' ? outcome.text : NO_QUERY;
    context.admission = outcome;
    const refusal = outcome.kind === 'refused' ? formatErrors(outcome.errors, context.trace) : undefined;
    return {
      didResolveSource(requestContext) {
        // Its type says that only Apollo Server writes this, and says so for plugins that come later.
        const document = outcome.kind === 'admitted' ? outcome.document : NO_DOCUMENT;
        Object.assign(requestContext, { document });
        return Promise.resolve();
      },
      responseForOperation: () => Promise.resolve(refusal ? toResponse(refusal) : null),
    };
  }

  return { requestDidStart: ({ request, contextValue }) => Promise.resolve(begin(request, contextValue)) };
}

/** Apollo Server has checked all but what it does not know. */
function toOperationRequest(request: GraphQLRequest): OperationRequest {
  const { query = '', operationName, variables, extensions = {}, http } = request;
  const documentId =
    http?.method === 'GET'
      ? new URLSearchParams(http.search).get('documentId')
      : (http?.body as Record<string, unknown> | undefined)?.['documentId'];
  return {
    query,
    documentId: typeof documentId === 'string' ? documentId : undefined,
    operationName,
    variables,
    extensions,
    hasFiles: mayHaveFiles(http?.headers.get('content-type')),
  };
}

function toResponse(errors: readonly GraphQLFormattedError[]): GraphQLResponse {
  const code = errors[0]?.extensions?.['code'];
  const isPersistence = String(code).startsWith('PERSISTED_QUERY_');
  const headers = new HeaderMap();
  // What is not known now may be known in a moment.
  if (isPersistence) headers.set('cache-control', 'private, no-cache, must-revalidate');
  const status = isPersistence ? 200 : isErrorCode(code) ? ERROR_CODES[code].httpStatus : 400;
  return {
    http: { status, headers },
    body: { kind: 'single', singleResult: { errors } },
  };
}
