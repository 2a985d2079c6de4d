import { GraphQLError } from 'graphql';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { AdmissionSettings } from './admission-settings.js';
import type { OperationRequest } from './operation-request.js';
import type { PersistedQueries } from './persisted-queries.js';
import type { TrustedDocument, TrustedDocuments } from './trusted-documents.js';

/** The text of an operation, and where it came from. */
export interface OperationText {
  readonly text: string;
  readonly trusted: TrustedDocument | undefined;
  /** The hash under which the text should be kept, once it has proved to be valid. */
  readonly keepAs: string | undefined;
}

export interface OperationTextOptions {
  readonly settings: AdmissionSettings;
  readonly trustedDocuments: TrustedDocuments | undefined;
  readonly persistedQueries: PersistedQueries;
}

/**
 * Makes the search for the text that a request means: the one it brings, the trusted document that it names by `documentId`
 * or by hash, or the text that was sent under that hash before.
 *
 * Sources: Apollo, "Automatic persisted queries", for `extensions.persistedQuery` and its error codes; GraphQL over HTTP,
 * draft of 2024, appendix A, for `documentId`.
 *
 * Errors: GraphQLError.
 */
export function createOperationTextSearch({
  settings,
  trustedDocuments,
  persistedQueries,
}: OperationTextOptions): (request: OperationRequest) => OperationText {
  const strict = settings.trustedDocumentsMode === 'strict';
  const persists = settings.persistedQueries && !strict;

  function findById(id: string): OperationText | undefined {
    const trusted = trustedDocuments?.find(id);
    return trusted && { text: trusted.text, trusted, keepAs: undefined };
  }

  function findByHash(hash: string): OperationText {
    const known = findById(hash);
    if (known) return known;
    if (!persists && !trustedDocuments) throw notSupported();
    const text = persists ? persistedQueries.find(hash) : undefined;
    if (text === undefined) throw notFound();
    return { text, trusted: undefined, keepAs: undefined };
  }

  function checkText(text: string, hash: string | undefined): OperationText {
    const trusted = trustedDocuments?.findByText(text);
    if (strict && !trusted) throw notTrusted();
    if (hash === undefined || trusted) return { text, trusted, keepAs: undefined };
    if (!persists) throw notSupported();
    if (!persistedQueries.matches(hash, text)) throw new GraphQLError('provided sha does not match query');
    return { text, trusted, keepAs: hash };
  }

  return ({ query, documentId, extensions }) => {
    const hash = readHash(extensions['persistedQuery']);
    if (query !== '') return checkText(query, hash);
    if (documentId !== undefined) {
      const known = findById(documentId);
      if (known) return known;
      if (hash === undefined) throw trustedDocuments ? notFound() : notSupported();
    }
    if (hash !== undefined) return findByHash(hash);
    throw new GraphQLError(
      'expected a query, a documentId or the hash of a persisted query in extensions, got none of them.',
      { extensions: { code: 'BAD_REQUEST' } },
    );
  };
}

/** Errors: GraphQLError when something else is asked for than version 1. */
function readHash(persistedQuery: unknown): string | undefined {
  if (persistedQuery === undefined || persistedQuery === null) return undefined;
  const { version, sha256Hash } = persistedQuery as Record<string, unknown>;
  if (version !== undefined && version !== 1) throw new GraphQLError('Unsupported persisted query version');
  if (typeof sha256Hash === 'string') return sha256Hash;
  throw new GraphQLError('expected extensions.persistedQuery to have a sha256Hash, got none.');
}

/** Clients of Apollo look at the message or at the code, and then send the text with its hash. */
function notFound(): GraphQLError {
  return new GraphQLError('PersistedQueryNotFound', { extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } });
}

function notSupported(): GraphQLError {
  return new GraphQLError('PersistedQueryNotSupported', {
    extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' },
  });
}

function notTrusted(): GraphQLError {
  const { message, extensions } = new AegisError(
    'FORBIDDEN',
    'expected one of the operations that this gateway knows, got another. Register it in the manifest of trusted documents.',
    { details: { reason: 'NOT_TRUSTED' } },
  );
  return new GraphQLError(message, { extensions });
}
