import type { ApolloServerPlugin } from '@apollo/server';
import type { HttpContext } from './http-context.js';
import type { OperationLog, OperationRecord, OperationResult } from './operation-log.js';

/**
 * Begins the record of each operation that Apollo Server answers; the response ends it, when it is on its way. One that
 * comes in parts is settled by the last of them.
 */
export function createOperationLogPlugin(log: OperationLog): ApolloServerPlugin<HttpContext> {
  return {
    requestDidStart({ contextValue }) {
      const { principal, trace, client, admission, records, signal } = contextValue;
      if (!admission) return Promise.resolve();
      const record = log.begin({ via: 'http', principal, trace, client, admission });
      records.push(record);
      contextValue.trace = record.trace;
      return Promise.resolve({
        willSendResponse({ response }) {
          const { body } = response;
          if (body.kind === 'single') {
            record.settle(body.singleResult);
          } else {
            record.part(body.initialResult);
            const subsequentResults = noteParts(body.subsequentResults, record, signal);
            response.body = { ...body, subsequentResults };
          }
          return Promise.resolve();
        },
      });
    },
  };
}

/** One message of a response in parts, in whichever form. */
interface PartsMessage {
  readonly hasNext: boolean;
  readonly incremental?: readonly Pick<OperationResult, 'errors'>[] | undefined;
  readonly completed?: readonly Pick<OperationResult, 'errors'>[] | undefined;
}

/** Notes each message before it goes; a client that has left in between has not got the last one. */
async function* noteParts<Message extends PartsMessage>(
  messages: AsyncIterable<Message>,
  record: OperationRecord,
  signal: AbortSignal,
): AsyncGenerator<Message> {
  for await (const message of messages) {
    const parts = [...(message.incremental ?? []), ...(message.completed ?? [])];
    const errors = parts.flatMap((part) => part.errors ?? []);
    const result = errors.length > 0 ? { errors } : {};
    if (message.hasNext || signal.aborted) record.part(result);
    else record.settle(result);
    yield message;
  }
}
