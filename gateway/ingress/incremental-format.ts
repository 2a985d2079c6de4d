import type { FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import { formatResult, type FormatErrors } from '../../kernel/graphql/format-errors.js';
import type { TraceContext } from '../../kernel/telemetry/trace-context.js';
import type { CompletedPart, DeferredPart, IncrementalResult } from '../execution/incremental-result.js';

/** The forms in which clients take responses in parts, by the media types that they accept. */
export const INCREMENTAL_FORMATS = {
  'multipart/mixed; incrementalSpec=v0.2': writePending,
  'multipart/mixed; deferSpec=20220824': writePathAndLabel,
} as const;

/** One of them. */
export type IncrementalFormat = keyof typeof INCREMENTAL_FORMATS;

/** What one message of a response in parts holds. */
export type IncrementalMessage = FormattedExecutionResult & { readonly hasNext: boolean };

/** A response in parts as its messages. */
export interface IncrementalMessages {
  readonly first: IncrementalMessage;
  readonly others: AsyncIterable<IncrementalMessage>;
}

/** What messages are written with. */
export interface IncrementalWriting {
  readonly formatErrors: FormatErrors;
  readonly trace: TraceContext;
}

type WriteMessages = (result: IncrementalResult, writing: IncrementalWriting) => IncrementalMessages;

/** Writes a response in parts in one of the forms. */
export function writeIncremental(
  format: IncrementalFormat,
  result: IncrementalResult,
  writing: IncrementalWriting,
): IncrementalMessages {
  const write: WriteMessages = INCREMENTAL_FORMATS[format];
  return write(result, writing);
}

/** The form of graphql-js 17.0.0-alpha.2, which most clients know: each part by its path and label. */
function writePathAndLabel(result: IncrementalResult, writing: IncrementalWriting): IncrementalMessages {
  const first = { ...formatResult(result.initial, writing.formatErrors, writing.trace), hasNext: true };
  return {
    first,
    others: eachBatch(result, (parts) => ({
      incremental: parts.map(({ part: { path, label }, data, errors }) => ({
        data,
        path,
        ...(label === undefined ? {} : { label }),
        ...errorsOf(errors, writing),
      })),
    })),
  };
}

/**
 * The form of graphql-js 17.0.0-alpha.9: parts are announced, come under their numbers, and are told to be complete. Fields
 * that came before may come again in a part.
 */
function writePending(result: IncrementalResult, writing: IncrementalWriting): IncrementalMessages {
  const ids = new Map<DeferredPart, string>();
  const toPending = (part: DeferredPart) => {
    const { path, label } = part;
    const id = String(ids.size);
    ids.set(part, id);
    return { id, path, ...(label === undefined ? {} : { label }) };
  };
  const idOf = ({ part }: CompletedPart) => ids.get(part) ?? '';
  const pending = result.announces.map(toPending);
  const first = {
    ...formatResult(result.initial, writing.formatErrors, writing.trace),
    pending,
    hasNext: true,
  };
  return {
    first,
    others: eachBatch(result, (parts) => {
      const inside = parts.flatMap(({ announces }) => announces.map(toPending));
      return {
        ...(inside.length > 0 ? { pending: inside } : {}),
        incremental: parts.flatMap((part) =>
          part.data ? [{ id: idOf(part), data: part.data, ...errorsOf(part.errors, writing) }] : [],
        ),
        completed: parts.map((part) => ({
          id: idOf(part),
          ...(part.data ? {} : errorsOf(part.errors, writing)),
        })),
      };
    }),
  };
}

function errorsOf(
  errors: CompletedPart['errors'],
  { formatErrors, trace }: IncrementalWriting,
): { readonly errors?: readonly GraphQLFormattedError[] } {
  return errors.length > 0 ? { errors: formatErrors(errors, trace) } : {};
}

async function* eachBatch(
  { announces, parts }: IncrementalResult,
  write: (parts: readonly CompletedPart[]) => object,
): AsyncGenerator<IncrementalMessage> {
  let left = announces.length;
  for await (const batch of parts) {
    for (const part of batch) left += part.announces.length - 1;
    yield { ...write(batch), hasNext: left > 0 };
  }
  // It was broken off, by the client or by the gateway's end.
  if (left > 0) yield { hasNext: false };
}
