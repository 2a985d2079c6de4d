import { GraphQLError, Kind, visit, BREAK, type DocumentNode } from 'graphql';

/** Whether a document asks about the schema, by `__schema` or `__type`. `__typename` does not count. */
export function asksAboutSchema(document: DocumentNode): boolean {
  let asks = false;
  visit(document, {
    [Kind.FIELD]: ({ name: { value } }) => {
      if (value !== '__schema' && value !== '__type') return undefined;
      asks = true;
      return BREAK;
    },
  });
  return asks;
}

/** Takes the names out of errors that graphql-js proposes in place of wrong ones: they tell of the schema. */
export function hideSuggestions(errors: readonly GraphQLError[]): readonly GraphQLError[] {
  return errors.map((error) => {
    const message = error.message.replace(/ Did you mean [^?]*\?/g, '');
    if (message === error.message) return error;
    const { nodes, source, positions, path, extensions } = error;
    return new GraphQLError(message, {
      nodes: nodes ?? null,
      source: source ?? null,
      positions: positions ?? null,
      path: path ?? null,
      extensions,
    });
  });
}
