import { setImmediate } from 'node:timers/promises';
import {
  getOperationAST,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { TrustedDocument, TrustedDocuments } from '../../access/trusted-documents.js';
import type { Generation } from '../../generation.js';
import type { RunOperation } from './run-operation.js';
import type { McpTool } from './tool.js';
import { createToolNames, type ToolNames } from './tool-names.js';
import { describeVariables } from './variables-schema.js';

/** The trusted documents as tools by their names; made once for each supergraph and manifest. */
export type DocumentTools = (generation: Generation) => Promise<ReadonlyMap<string, McpTool>>;

export interface DocumentToolsOptions {
  readonly trustedDocuments: TrustedDocuments | undefined;
  readonly run: RunOperation;
  /** Names that are taken. */
  readonly reserved: readonly string[];
}

interface Made {
  readonly from: readonly TrustedDocument[];
  readonly tools: Promise<ReadonlyMap<string, McpTool>>;
}

/** How long documents are read at a time before other requests get their turn, in milliseconds. */
const TURN_MS = 10;

/** Makes the tools of one server. Subscriptions are none, nor is what is not valid with the current supergraph. */
export function createDocumentTools({
  trustedDocuments,
  run,
  reserved,
}: DocumentToolsOptions): DocumentTools {
  const made = new WeakMap<Generation, Made>();

  async function make(
    generation: Generation,
    documents: readonly TrustedDocument[],
  ): Promise<ReadonlyMap<string, McpTool>> {
    const surroundings = { generation, names: createToolNames(reserved), run };
    const tools = new Map<string, McpTool>();
    let turnEndsAt = performance.now() + TURN_MS;
    for (const document of documents) {
      const tool = makeTool(document, surroundings);
      if (tool) tools.set(tool.definition.name, tool);
      if (performance.now() < turnEndsAt) continue;
      await setImmediate();
      turnEndsAt = performance.now() + TURN_MS;
    }
    return tools;
  }

  return (generation) => {
    const documents = trustedDocuments?.list() ?? [];
    let known = made.get(generation);
    if (known?.from !== documents) {
      known = { from: documents, tools: make(generation, documents) };
      made.set(generation, known);
    }
    return known.tools;
  };
}

interface Surroundings {
  readonly generation: Generation;
  readonly names: ToolNames;
  readonly run: RunOperation;
}

function makeTool(trusted: TrustedDocument, { generation, names, run }: Surroundings): McpTool | undefined {
  const document = generation.readDocument(trusted.text);
  if (!('kind' in document)) return undefined;
  const definition = findOperation(document, trusted.name);
  if (!definition || definition.operation === OperationTypeNode.SUBSCRIPTION) return undefined;
  const { apiSchema: schema } = generation.snapshot;
  const operationName = definition.name?.value;
  const reads = definition.operation === OperationTypeNode.QUERY;
  const inputSchema = describeVariables(schema, document, definition);
  return {
    definition: {
      name: names.take(operationName ?? trusted.name, trusted.id),
      title: operationName ?? trusted.name ?? trusted.id,
      description: trusted.description ?? describeOperation(definition, schema),
      inputSchema,
      annotations: { readOnlyHint: reads, ...(reads ? {} : { destructiveHint: true }) },
    },
    call(call) {
      refuseUnknown(Object.keys(call.arguments), Object.keys(inputSchema.properties));
      const request = { query: '', documentId: trusted.id, operationName, variables: call.arguments };
      return run(request, call);
    },
  };
}

function findOperation(
  document: DocumentNode,
  name: string | undefined,
): OperationDefinitionNode | undefined {
  const named = getOperationAST(document, name);
  return named ?? document.definitions.find((node) => node.kind === Kind.OPERATION_DEFINITION);
}

/** GraphQL would take no notice of it, and the agent not learn that it has asked for something else. */
function refuseUnknown(given: readonly string[], known: readonly string[]): void {
  const unknown = given.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const expected = known.length > 0 ? `one of the arguments ${known.join(', ')}` : 'no arguments';
  throw new AegisError(
    'BAD_USER_INPUT',
    `expected ${expected}, got ${JSON.stringify(unknown.slice(0, 128))}.`,
  );
}

/** What its fields say, of an operation of which nobody says anything. */
function describeOperation(
  { operation, selectionSet }: OperationDefinitionNode,
  schema: GraphQLSchema,
): string {
  const fields = schema.getRootType(operation)?.getFields() ?? {};
  const lines = selectionSet.selections.flatMap((selection) => {
    if (selection.kind !== Kind.FIELD) return [];
    const description = fields[selection.name.value]?.description;
    return description ? `${selection.name.value}: ${description}` : selection.name.value;
  });
  return `A GraphQL ${operation}.${lines.length > 0 ? ` It asks for:\n${lines.join('\n')}` : ''}`;
}
