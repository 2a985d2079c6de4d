import { GraphQLError } from 'graphql';
import type { FormatErrors } from '../../kernel/graphql/format-errors.js';

/**
 * Takes the names out of errors that graphql-js proposes in place of wrong ones: they tell of the schema. What resolvers say,
 * which has a path, stays.
 */
export function hideSuggestions(formatErrors: FormatErrors): FormatErrors {
  return (errors, trace) => formatErrors(errors.map(hideSuggestion), trace);
}

function hideSuggestion(error: GraphQLError): GraphQLError {
  const message = error.message.replace(/ Did you mean [^?]*\?/g, '');
  if (message === error.message || error.path) return error;
  const { nodes = null, source = null, positions = null, extensions } = error;
  return new GraphQLError(message, { nodes, source, positions, extensions });
}
