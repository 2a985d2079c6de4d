import {
  Kind,
  visit,
  type ASTNode,
  type ASTVisitor,
  type ConstDirectiveNode,
  type DocumentNode,
  type StringValueNode,
} from 'graphql';

/** What a subgraph says of an element beside its type. */
interface Annotations {
  readonly description?: StringValueNode | undefined;
  readonly directives: readonly ConstDirectiveNode[];
}

/** Directives that a supergraph takes over from its subgraphs as they are. */
const KEPT = new Set(['inaccessible', 'tag', 'deprecated', 'specifiedBy']);

const ELEMENTS = [
  Kind.OBJECT_TYPE_DEFINITION,
  Kind.INTERFACE_TYPE_DEFINITION,
  Kind.UNION_TYPE_DEFINITION,
  Kind.ENUM_TYPE_DEFINITION,
  Kind.SCALAR_TYPE_DEFINITION,
  Kind.INPUT_OBJECT_TYPE_DEFINITION,
  Kind.FIELD_DEFINITION,
  Kind.INPUT_VALUE_DEFINITION,
  Kind.ENUM_VALUE_DEFINITION,
] as const;

type ElementNode = Extract<ASTNode, { kind: (typeof ELEMENTS)[number] }>;

/**
 * Gives the elements of a subgraph that was extracted from a supergraph the descriptions and directives back that
 * planning has no use for: without them, composing anew would show clients what is inaccessible.
 */
export function restoreAnnotations(subgraph: DocumentNode, supergraph: DocumentNode): DocumentNode {
  const known = new Map<string, Annotations>();
  visit(
    supergraph,
    visitElements((node, coordinate) => {
      const directives = node.directives?.filter(({ name }) => KEPT.has(name.value)) ?? [];
      known.set(coordinate, { description: node.description, directives });
      return undefined;
    }),
  );
  return visit<DocumentNode>(
    subgraph,
    visitElements((node, coordinate) => {
      const annotations = known.get(coordinate);
      if (!annotations) return undefined;
      const own = node.directives?.filter(({ name }) => !KEPT.has(name.value)) ?? [];
      const { description = node.description, directives } = annotations;
      const restored = { ...node, ...(description && { description }) };
      return { ...restored, directives: [...own, ...directives] };
    }),
  );
}

/** Visits what has a name in a schema, with its coordinate, such as `Query.product.id`. */
function visitElements(see: (node: ElementNode, coordinate: string) => ElementNode | undefined): ASTVisitor {
  const names: string[] = [];
  const enter = (node: ElementNode) => {
    names.push(node.name.value);
  };
  const leave = (node: ElementNode) => {
    const coordinate = names.join('.');
    names.pop();
    return see(node, coordinate);
  };
  return {
    [Kind.DIRECTIVE_DEFINITION]: () => false,
    ...Object.fromEntries(ELEMENTS.map((kind) => [kind, { enter, leave }])),
  };
}
