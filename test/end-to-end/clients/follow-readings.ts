import { createClient } from 'graphql-ws';

const READINGS = `subscription Readings($after: String) {
  deviceReadings(after: $after) {
    cursor
    gap
    reading { metric value unit measuredAt device { name } }
  }
}`;

/** An event as the subscription above selects it. */
export interface ReadingEvent {
  readonly cursor: string;
  readonly gap: boolean;
  readonly reading: {
    readonly metric: string;
    readonly value: number;
    readonly unit: string;
    readonly measuredAt: string;
    /** Null when the device has been removed since. */
    readonly device: { readonly name: string } | null;
  };
}

/**
 * Gives every reading once and in order, also those that came while the connection was lost: graphql-ws connects again
 * and sends the variables as they are then, with the cursor of the last event. The returned function ends it.
 */
export function followReadings(options: {
  readonly url: string;
  readonly apiKey?: string;
  readonly onEvent: (event: ReadingEvent) => void;
  readonly onError: (error: unknown) => void;
}): () => void {
  const { url, apiKey, onEvent, onError } = options;
  const client = createClient({
    url: url.replace(/^http/, 'ws'),
    connectionParams: apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` },
    retryAttempts: Infinity,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 500 + 1_000 * Math.random())),
  });
  const variables: { after?: string } = {};
  client.subscribe<{ readonly deviceReadings: ReadingEvent }>(
    { query: READINGS, variables },
    {
      next({ data, errors }) {
        if (!data) {
          onError(errors);
          return;
        }
        variables.after = data.deviceReadings.cursor;
        onEvent(data.deviceReadings);
      },
      error: onError,
      complete: () => undefined,
    },
  );
  return () => void client.dispose();
}
