import type { Client } from 'graphql-ws';
import type { RetryClock } from './retry-clock.js';

/** One event of a resumable stream. */
export interface Resumable {
  readonly cursor: string;
  readonly gap: boolean;
}

export interface FollowOptions<T extends Resumable> {
  readonly document: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** The field of the subscription. */
  readonly field: string;
  /** The cursor that the stream begins behind; undefined for what comes next. */
  readonly after?: string | undefined;
  readonly onEvent: (event: T) => void;
  /** Told of what a user can do something about; the stream is tried again all the same. */
  readonly onProblem?: (message: string) => void;
}

/** Follows a stream until the returned function is called: after each cut behind the last event that was seen. */
export function followStream<T extends Resumable>(
  client: Client,
  clock: RetryClock,
  options: FollowOptions<T>,
): () => void {
  const ending = new AbortController();
  void follow(client, clock, options, ending.signal);
  return () => {
    ending.abort();
  };
}

async function follow<T extends Resumable>(
  client: Client,
  clock: RetryClock,
  options: FollowOptions<T>,
  signal: AbortSignal,
): Promise<void> {
  let { after } = options;
  const isOver = () => signal.aborted;
  while (!isOver()) {
    await readOnce(client, { ...options, after, onCursor: (cursor) => (after = cursor) }, signal);
    if (!isOver()) await clock.wait();
  }
}

interface ReadOptions<T extends Resumable> extends FollowOptions<T> {
  readonly after: string | undefined;
  readonly onCursor: (cursor: string) => void;
}

/** Reads the stream until it is cut, refused or ended; never throws. */
async function readOnce<T extends Resumable>(
  client: Client,
  { document, variables, field, after, onEvent, onCursor, onProblem }: ReadOptions<T>,
  signal: AbortSignal,
): Promise<void> {
  const results = client.iterate<Record<string, T>>({
    query: document,
    variables: { ...variables, ...(after === undefined ? {} : { after }) },
  });
  const end = () => void results.return?.();
  signal.addEventListener('abort', end, { once: true });
  try {
    for await (const { data, errors } of results) {
      const event = data?.[field];
      if (event) {
        onCursor(event.cursor);
        onEvent(event);
      } else onProblem?.(errors?.[0]?.message ?? 'the server sent an event without data');
    }
  } catch (error) {
    // A cut is told by the connection's state; what the server said of this stream is told here.
    const refusal = readRefusal(error);
    if (refusal !== undefined) onProblem?.(refusal);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/** What the server said when it refused a stream; undefined for a socket that was cut. */
function readRefusal(error: unknown): string | undefined {
  const [first] = Array.isArray(error) ? (error as { readonly message?: unknown }[]) : [];
  return first === undefined ? undefined : String(first.message);
}
