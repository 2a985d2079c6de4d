import {
  getOperationAST,
  Kind,
  parse,
  type DocumentNode,
  type OperationDefinitionNode,
  type OperationTypeNode,
} from 'graphql';

/** An operation that was registered before it was asked for. */
export interface TrustedDocument {
  readonly id: string;
  readonly name: string | undefined;
  readonly type: `${OperationTypeNode}`;
  readonly text: string;
  /** What its author says of it: the operation's description, or the comment that its text begins with. */
  readonly description: string | undefined;
}

/** The operations that clients may ask for by an id. */
export interface TrustedDocuments {
  find(id: string): TrustedDocument | undefined;
  /** The one with exactly this text. */
  findByText(text: string): TrustedDocument | undefined;
  list(): readonly TrustedDocument[];
  /** Tells when there are others, where that may happen; the returned function ends it. */
  onChange?(listener: () => void): () => void;
}

/** A file that is no manifest of trusted documents; the message says where. */
export class TrustedDocumentsInvalid extends Error {
  override readonly name = 'TrustedDocumentsInvalid';
}

const APOLLO_FORMAT = 'apollo-persisted-query-manifest';

/**
 * Reads a manifest: Apollo's, or the plain object of texts by hash that Relay's compiler and GraphQL Code Generator write.
 *
 * Sources: Apollo, "Safelisting with persisted queries", manifest format version 1; Relay, "Persisted queries"; GraphQL Code
 * Generator, client preset, `persistedDocuments`.
 *
 * Errors: {@link TrustedDocumentsInvalid}.
 */
export function readTrustedDocuments(text: string): TrustedDocuments {
  const byId = new Map<string, TrustedDocument>();
  const byText = new Map<string, TrustedDocument>();
  for (const entry of readEntries(parseJson(text))) {
    const document = readDocument(entry);
    const before = byId.get(document.id);
    if (before && before.text !== document.text) throw invalid(`two operations have the id ${document.id}`);
    byId.set(document.id, document);
    byText.set(document.text, document);
  }
  const all = [...byId.values()];
  return { find: (id) => byId.get(id), findByText: (given) => byText.get(given), list: () => all };
}

/** What a manifest says of one operation. */
interface Entry {
  readonly id: string;
  readonly name: string | undefined;
  readonly body: string;
}

function readEntries(manifest: unknown): readonly Entry[] {
  if (!isObject(manifest)) throw invalid('expected a JSON object, got something else');
  const { format, version, operations } = manifest;
  if (format === undefined) {
    return Object.entries(manifest).map(([id, body]) => {
      if (typeof body === 'string') return { id, name: undefined, body };
      throw invalid(`expected the text of an operation under ${JSON.stringify(id)}, got something else`);
    });
  }
  if (format !== APOLLO_FORMAT || version !== 1 || !Array.isArray(operations))
    throw invalid(
      `expected the format ${APOLLO_FORMAT} in version 1 with a list of operations, got ${JSON.stringify(format)} in version ${JSON.stringify(version)}`,
    );
  return (operations as readonly unknown[]).map((operation, index) => {
    const { id, name, body } = isObject(operation) ? operation : {};
    if (typeof id !== 'string' || typeof body !== 'string')
      throw invalid(`expected an id and a body in operation ${index + 1}, got something else`);
    return { id, name: typeof name === 'string' ? name : undefined, body };
  });
}

function readDocument({ id, name, body }: Entry): TrustedDocument {
  const document = parseBody(id, body);
  const definition = getOperationAST(document, name) ?? firstOperation(document);
  if (!definition) throw invalid(`expected an operation in ${JSON.stringify(id)}, got only fragments`);
  return {
    id,
    name: name ?? definition.name?.value,
    type: definition.operation,
    text: body,
    description: describe(definition, body),
  };
}

function parseBody(id: string, body: string): DocumentNode {
  try {
    return parse(body, { noLocation: true });
  } catch (error) {
    throw invalid(`${JSON.stringify(id)} cannot be parsed: ${String(error)}`);
  }
}

function firstOperation({ definitions }: DocumentNode): OperationDefinitionNode | undefined {
  return definitions.find((node) => node.kind === Kind.OPERATION_DEFINITION);
}

function describe({ description }: OperationDefinitionNode, body: string): string | undefined {
  const [comment = ''] = /^(?:\s*#[^\n]*\n?)*/.exec(body) ?? [];
  const lines = comment.split('\n').map((line) => line.trim().replace(/^#+ ?/, ''));
  const text = (description?.value ?? lines.join('\n')).trim();
  return text === '' ? undefined : text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`it is no JSON: ${String(error)}`);
  }
}

function invalid(reason: string): TrustedDocumentsInvalid {
  return new TrustedDocumentsInvalid(`no manifest of trusted documents: ${reason}.`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
