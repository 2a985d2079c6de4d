import type { ApolloServerPlugin } from '@apollo/server';
import type { HttpContext } from './http-context.js';
import type { OperationLog } from './operation-log.js';

/** Begins the record of each operation that Apollo Server answers; the response ends it, when it is on its way. */
export function createOperationLogPlugin(log: OperationLog): ApolloServerPlugin<HttpContext> {
  return {
    requestDidStart({ contextValue }) {
      const { principal, trace, client, admission, records } = contextValue;
      if (!admission) return Promise.resolve();
      const record = log.begin({ via: 'http', principal, trace, client, admission });
      records.push(record);
      contextValue.trace = record.trace;
      return Promise.resolve({
        willSendResponse({ response: { body } }) {
          if (body.kind === 'single') record.settle(body.singleResult);
          return Promise.resolve();
        },
      });
    },
  };
}
