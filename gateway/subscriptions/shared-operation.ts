import {
  getOperationAST,
  getVariableValues,
  GraphQLError,
  print,
  type DocumentNode,
  type OperationDefinitionNode,
} from 'graphql';
import type { Principal } from '../../kernel/identity/principal.js';
import type { GatewayOperation } from '../gateway-operation.js';
import { forwardedKeyOf } from '../transports/forwarded-key.js';
import { readResumable, type ResumableOperation } from './resumable-operation.js';

/** A subscription as a client asked for it, without what belongs to that client alone. */
export type AskedOperation = Omit<GatewayOperation, 'signal'>;

/** A subscription as a client asked for it, read so far that two of them can be compared. */
export interface SharedOperation {
  /** The same for all that may share one execution: supergraph, operation, variables, identity and forwarded headers. */
  readonly key: string;
  /** The same for all that get the same events from some event on, wherever they began; undefined when that cannot be told. */
  readonly family: string | undefined;
  readonly asked: AskedOperation;
  /** The variables that the operation declares, checked and with their defaults. */
  readonly variables: Readonly<Record<string, unknown>>;
  /** How it is taken up where it was lost; undefined when it cannot be. */
  readonly resumable: ResumableOperation | undefined;
  /** Whether it says where to begin: then a client that comes later wants other events than the first one. */
  readonly begins: boolean;
}

/** What is the same for each request of a document. */
interface DocumentFacts {
  readonly text: string;
  /** Without where it begins; undefined when it is not resumable. */
  readonly familyText: string | undefined;
  readonly definition: OperationDefinitionNode;
  readonly resumable: ResumableOperation | undefined;
}

/** Reads the subscriptions that clients ask for, or says what is wrong with one. */
export type ReadSharedOperation = (asked: AskedOperation) => SharedOperation | readonly GraphQLError[];

/** Who is asking, as far as subgraphs are told. */
export function identityOf({ subject, workspace, roles }: Principal): string {
  return JSON.stringify([subject, workspace, roles]);
}

/** Makes a reader that reads each document once. */
export function createSharedOperationReader(): ReadSharedOperation {
  const known = new WeakMap<DocumentNode, Map<string, DocumentFacts>>();

  function factsOf({ generation, document, operationName }: AskedOperation): DocumentFacts | undefined {
    // A document belongs to one generation: it was validated against its schema.
    const facts = known.get(document) ?? new Map<string, DocumentFacts>();
    known.set(document, facts);
    const name = operationName ?? '';
    const before = facts.get(name);
    if (before) return before;
    const definition = getOperationAST(document, operationName);
    if (!definition) return undefined;
    const resumable = readResumable(document, definition, generation.snapshot.apiSchema);
    const familyText = resumable && print(resumable.document);
    const read = { text: print(document), familyText, definition, resumable };
    facts.set(name, read);
    return read;
  }

  return ({ generation, document, operationName, variables, context }) => {
    // A copy: whatever else its client gave with it would live as long as the execution, which others share.
    const asked: AskedOperation = { generation, document, operationName, variables, context };
    const facts = factsOf(asked);
    if (!facts) return [new GraphQLError('Unable to identify operation')];
    const { apiSchema, id } = generation.snapshot;
    const { coerced, errors } = getVariableValues(
      apiSchema,
      facts.definition.variableDefinitions ?? [],
      variables ?? {},
      { maxErrors: 20 },
    );
    if (errors) return errors;
    const { resumable, text, familyText } = facts;
    const whose = [id, operationName ?? '', identityOf(context.principal), forwardedKeyOf(context)];
    const key = [...whose, JSON.stringify(coerced), text].join('\n');
    const { [resumable?.startVariable ?? '']: _start, ...others } = coerced;
    const family = familyText && [...whose, JSON.stringify(others), familyText].join('\n');
    const start = resumable?.startOf(coerced);
    return {
      key,
      family,
      asked,
      variables: coerced,
      resumable,
      begins: start !== undefined && start !== null,
    };
  };
}
