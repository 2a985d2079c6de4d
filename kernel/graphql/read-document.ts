import { GraphQLError, parse, validate, type DocumentNode, type GraphQLSchema } from 'graphql';
import { AegisError } from '../errors/aegis-error.js';

export interface ReadDocumentOptions {
  readonly schema: GraphQLSchema;
  /** The most tokens a document may have: beyond it, parsing itself is the attack. */
  readonly maxTokens: number;
}

const MAX_MISTAKES = 20;

/** Parses and validates a document, or says what is wrong with it, under the codes that Apollo Server uses over HTTP. */
export function readDocument(
  text: string,
  { schema, maxTokens }: ReadDocumentOptions,
): DocumentNode | readonly GraphQLError[] {
  try {
    const document = parse(text, { maxLexicalTokens: maxTokens });
    const mistakes = validate(schema, document, undefined, { maxErrors: MAX_MISTAKES });
    if (mistakes.length === 0) return document;
    return mistakes.map((mistake) => withCode(mistake, 'GRAPHQL_VALIDATION_FAILED'));
  } catch (error) {
    if (error instanceof GraphQLError && /Document contains more tha[nt] /.test(error.message))
      return [tooManyTokens(maxTokens)];
    if (error instanceof GraphQLError) return [withCode(error, 'GRAPHQL_PARSE_FAILED')];
    // Selections that are nested deeper than the stack is.
    if (error instanceof RangeError)
      return [withCode(new GraphQLError('the document nests too deep to be read.'), 'GRAPHQL_PARSE_FAILED')];
    return [new GraphQLError('the document could not be read', { originalError: error as Error })];
  }
}

/** graphql-js stops at the first token too many, so that nobody knows how many there are. */
function tooManyTokens(expected: number): GraphQLError {
  const originalError = new AegisError(
    'OPERATION_TOO_COSTLY',
    `expected at most ${expected} tokens, got more. Ask for less at a time.`,
    { details: { limit: 'tokens', expected, got: expected + 1 } },
  );
  return new GraphQLError(originalError.message, { originalError });
}

function withCode({ message, nodes, source, positions }: GraphQLError, code: string): GraphQLError {
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    extensions: { code },
  });
}
