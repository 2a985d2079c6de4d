import type { ServerResponse } from 'node:http';
import type { FormattedExecutionResult, GraphQLError, GraphQLFormattedError } from 'graphql';
import type { EventBytes } from '../subscriptions/event-bytes.js';
import type { EventSink, SubscriptionEnd } from '../subscriptions/event-sink.js';
import type { StreamFormat } from './stream-format.js';

export interface StreamedResponseOptions {
  /** With its head written. */
  readonly response: ServerResponse;
  readonly format: StreamFormat;
  readonly formatErrors: (errors: readonly GraphQLError[]) => readonly GraphQLFormattedError[];
}

/** A response that goes on for as long as its operation has something to tell. */
export interface StreamedResponse extends EventSink {
  /** Writes the only result of an operation, and ends. */
  answer(result: FormattedExecutionResult): void;
}

/** Begins to stream. A client that leaves closes the response; what is written afterwards is thrown away. */
export function openStreamedResponse({
  response,
  format,
  formatErrors,
}: StreamedResponseOptions): StreamedResponse {
  let quiet = false;
  const timer = setInterval(() => {
    // A client that does not read what there is needs no sign of life.
    if (quiet && response.writableLength === 0) response.write(format.heartbeat);
    quiet = true;
  }, format.heartbeatMs);
  response.once('close', () => {
    clearInterval(timer);
  });
  response.write(format.opening);

  function write(bytes: Buffer | string): void {
    quiet = false;
    if (response.writable) response.write(bytes);
  }

  function close(errors?: readonly GraphQLError[]): void {
    clearInterval(timer);
    if (response.writable) response.end(format.closing(errors && formatErrors(errors)));
  }

  function answer(result: FormattedExecutionResult): void {
    write(format.frame(Buffer.from(JSON.stringify(result))));
    close();
  }

  return {
    get unsentBytes() {
      return response.writableLength;
    },
    write(event: EventBytes) {
      write(event.framed(format.name, format.frame));
    },
    onceDrained(listener) {
      response.once('drain', listener);
    },
    end(end: SubscriptionEnd) {
      if (end.kind === 'refused') answer({ errors: formatErrors(end.result.errors ?? []) });
      else close(end.kind === 'failed' ? end.errors : undefined);
    },
    disconnect() {
      response.destroy();
    },
    answer,
  };
}
