import type { ExecutionResult, GraphQLError } from 'graphql';
import { formatResult, type FormatErrors } from '../../kernel/graphql/format-errors.js';
import { EventBytes } from './event-bytes.js';
import { hideCursor, takeCursor } from './resumable-operation.js';
import type { SharedOperation } from './shared-operation.js';

/** Writes the events of one execution, each once for all clients, and keeps the place that they have come to. */
export interface EventWriter {
  /** Errors: when the event is no JSON. */
  write(result: ExecutionResult, operation: SharedOperation): EventBytes;
  /** The cursor of the last event; undefined before the first, and where events have none. */
  readonly cursor: unknown;
  readonly count: number;
  /** The last event, as it was written. */
  readonly last: EventBytes | undefined;
  /** Some events before the next one may be missing. */
  markGap(): void;
}

/** Begins with an execution's first event. */
export function createEventWriter(formatErrors: FormatErrors): EventWriter {
  let cursor: unknown;
  let count = 0;
  let gap = false;
  let last: EventBytes | undefined;
  return {
    write({ data, errors, extensions }, { asked, resumable }) {
      const readyAt = performance.now();
      if (resumable) cursor = takeCursor(data) ?? cursor;
      const result = {
        data,
        errors: resumable ? errors?.map(withoutAlias) : errors,
        extensions: gap ? { ...extensions, gap: true } : extensions,
      };
      gap = false;
      count += 1;
      last = new EventBytes(JSON.stringify(formatResult(result, formatErrors, asked.context.trace)), readyAt);
      return last;
    },
    get cursor() {
      return cursor;
    },
    get count() {
      return count;
    },
    get last() {
      return last;
    },
    markGap() {
      gap = true;
    },
  };
}

/** The cursor is asked for under a name of our own: an error of it is told under its own. */
function withoutAlias(error: GraphQLError): GraphQLError {
  if (!error.path) return error;
  const path = hideCursor(error.path);
  if (path.every((step, index) => step === error.path?.[index])) return error;
  // Of the same kind as the error itself: what may be told of it depends on that.
  return Object.create(error, { path: { value: path, enumerable: true } }) as GraphQLError;
}
