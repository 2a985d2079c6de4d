import {
  getOperationAST,
  GraphQLError,
  OperationTypeNode,
  type DocumentNode,
  type OperationDefinitionNode,
} from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Principal } from '../../kernel/identity/principal.js';
import type { Generation } from '../generation.js';
import { mayAskAboutSchema, type AdmissionSettings } from './admission-settings.js';
import { createOperationTextSearch } from './find-operation-text.js';
import type { OperationRequest } from './operation-request.js';
import { createPersistedQueries } from './persisted-queries.js';
import { asksAboutSchema } from './schema-questions.js';
import type { TrustedDocument, TrustedDocuments } from './trusted-documents.js';

/** An operation that may run. */
export interface AdmittedOperation {
  readonly kind: 'admitted';
  /** The generation against whose schema the document is valid. */
  readonly generation: Generation;
  readonly document: DocumentNode;
  readonly definition: OperationDefinitionNode;
  readonly operationName: string | undefined;
  /** As the client sent them. */
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  readonly text: string;
  /** The trusted document that it is, if it is one. */
  readonly trusted: TrustedDocument | undefined;
}

/** An operation that does not run, and why. */
export interface RefusedOperation {
  readonly kind: 'refused';
  readonly errors: readonly GraphQLError[];
}

/** What stands between bytes and an operation, the same for all ways by which operations come. */
export interface Admission {
  /** Finds the text of an operation, reads it and decides whether it may run. What its size decides comes with its plan. */
  admit(request: OperationRequest, principal: Principal): AdmittedOperation | RefusedOperation;
}

export interface AdmissionOptions {
  readonly gateway: { readonly current: Generation };
  readonly settings: AdmissionSettings;
  readonly trustedDocuments?: TrustedDocuments | undefined;
}

/** How many characters of texts are kept for clients that ask by hash. */
const MAX_PERSISTED_CHARACTERS = 16_777_216;

/** Makes the admission of one server. */
export function createAdmission({ gateway, settings, trustedDocuments }: AdmissionOptions): Admission {
  const persistedQueries = createPersistedQueries(MAX_PERSISTED_CHARACTERS);
  const findText = createOperationTextSearch({ settings, trustedDocuments, persistedQueries });
  const schemaQuestions = new WeakMap<DocumentNode, boolean>();

  function asks(document: DocumentNode): boolean {
    const known = schemaQuestions.get(document) ?? asksAboutSchema(document);
    schemaQuestions.set(document, known);
    return known;
  }

  function read(request: OperationRequest, principal: Principal): AdmittedOperation | RefusedOperation {
    const { text, trusted, keepAs } = findText(request);
    const generation = gateway.current;
    const document = generation.readDocument(text);
    if (!('kind' in document)) return refuse(document);
    if (!mayAskAboutSchema(settings, principal) && asks(document)) throw schemaIsHidden();
    if (keepAs !== undefined) persistedQueries.keep(keepAs, text);
    const { operationName, variables } = request;
    const definition = getOperationAST(document, operationName);
    if (!definition) return refuse([unknownOperation(operationName)]);
    if (request.hasFiles && definition.operation !== OperationTypeNode.MUTATION) throw filesAreForMutations();
    return { kind: 'admitted', generation, document, definition, operationName, variables, text, trusted };
  }

  return {
    admit(request, principal) {
      try {
        return read(request, principal);
      } catch (error) {
        return refuse([error instanceof GraphQLError ? error : toGraphQLError(error)]);
      }
    },
  };
}

function refuse(errors: readonly GraphQLError[]): RefusedOperation {
  return { kind: 'refused', errors };
}

function filesAreForMutations(): AegisError {
  return new AegisError('BAD_USER_INPUT', 'expected a mutation in a multipart body, got another operation.');
}

function schemaIsHidden(): AegisError {
  return new AegisError(
    'FORBIDDEN',
    'expected an operation without __schema and __type, got one with them: this gateway does not tell you of its schema.',
    { details: { reason: 'INTROSPECTION_DISABLED' } },
  );
}

function unknownOperation(name: string | undefined): GraphQLError {
  const message =
    name === undefined
      ? 'expected the name of one of the operations in the document.'
      : `expected an operation named ${name} in the document.`;
  return new GraphQLError(message, { extensions: { code: 'OPERATION_RESOLUTION_FAILURE' } });
}

/** Raised on purpose, it says what it is; anything else is masked later. */
function toGraphQLError(error: unknown): GraphQLError {
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
}
