import { BREAK, Kind, visit, type DocumentNode } from 'graphql';

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
