/** An operation as a client asks for it, whichever way it came. */
export interface OperationRequest {
  /** Empty where it is asked for by an id. */
  readonly query: string;
  /** The id of a trusted document. */
  readonly documentId: string | undefined;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>> | undefined;
  readonly extensions: Readonly<Record<string, unknown>>;
  /** Whether its variables may have files in them; false by default. */
  readonly hasFiles?: boolean;
}

/**
 * Reads the parameters of a GraphQL request; undefined when one of them is of the wrong kind.
 *
 * Sources: GraphQL over HTTP, draft of 2024, §5.1, and its appendix A on persisted documents, for `documentId`.
 */
export function readOperationRequest(
  parameters: Readonly<Record<string, unknown>>,
): OperationRequest | undefined {
  const { query, documentId, operationName, variables, extensions } = parameters;
  if (!isTextOrNothing(query) || !isTextOrNothing(documentId) || !isTextOrNothing(operationName))
    return undefined;
  if (!isObjectOrNothing(variables) || !isObjectOrNothing(extensions)) return undefined;
  return {
    query: query ?? '',
    documentId: documentId ?? undefined,
    operationName: operationName ?? undefined,
    variables: variables ?? undefined,
    extensions: extensions ?? {},
  };
}

function isTextOrNothing(value: unknown): value is string | null | undefined {
  return value === undefined || value === null || typeof value === 'string';
}

function isObjectOrNothing(value: unknown): value is Record<string, unknown> | null | undefined {
  return value === undefined || value === null || (typeof value === 'object' && !Array.isArray(value));
}
