import { Kind, Location, parse, Token, TokenKind, visit, type ASTNode, type DocumentNode } from 'graphql';

/** The nodes that a request can still be told of: by errors of its variables, and of parts that cannot come later. */
const TOLD_OF: ReadonlySet<string> = new Set([Kind.VARIABLE_DEFINITION, Kind.DIRECTIVE]);

/**
 * A valid document as it is kept: a third of the size. Each node that knows its place in the text knows the tokens of the
 * whole text by it; here only those nodes know theirs that an error may still tell of.
 *
 * @param document as it was parsed from the text, with all its places.
 */
export function compactDocument(document: DocumentNode, text: string): DocumentNode {
  const compact = parse(text, { noLocation: true });
  const places: (Location | undefined)[] = [];
  visit(document, {
    enter({ kind, loc }) {
      if (TOLD_OF.has(kind)) places.push(loc);
    },
  });
  if (places.length === 0) return compact;
  // Both were parsed from one text, and are visited in the same order.
  let next = 0;
  return visit(compact, {
    enter(node): ASTNode | undefined {
      if (!TOLD_OF.has(node.kind)) return undefined;
      const place = places[next++];
      return place && { ...node, loc: detach(place) };
    },
  });
}

/** The same place, that knows of no other token. */
function detach({ start, end, source, startToken: { line, column } }: Location): Location {
  const token = new Token(TokenKind.NAME, start, end, line, column);
  return new Location(token, token, source);
}
