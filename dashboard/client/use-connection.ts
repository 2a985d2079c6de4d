import { createContext, useContext, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { Connection, ConnectionState, Variables } from './connection.js';
import type { FollowOptions, Resumable } from './follow-stream.js';

/** The connection of the page. */
export const ConnectionContext = createContext<Connection | undefined>(undefined);

/** The connection that the page was opened with. */
export function useConnection(): Connection {
  const connection = useContext(ConnectionContext);
  if (!connection) throw new Error('expected a ConnectionContext around this component, found none');
  return connection;
}

/** How the page stands with the server, as it changes. */
export function useConnectionState(): ConnectionState {
  const { state } = useConnection();
  return useSyncExternalStore(
    (listener) => state.subscribe(listener),
    () => state.get(),
  );
}

/** What came of a query. While it is asked again, the answer before stays. */
export interface Answer<T> {
  readonly data: T | undefined;
  /** Why the newest attempt failed; undefined when it did not. */
  readonly problem: string | undefined;
  /** Asks again. */
  readonly reload: () => void;
}

/**
 * Asks when the component appears, when the question changes, when the connection comes back, and every so often.
 *
 * @param everyMs how often it is asked again, in milliseconds; never by itself when undefined.
 */
export function useQuery<T>(document: string, variables: Variables = {}, everyMs?: number): Answer<T> {
  const connection = useConnection();
  const { kind } = useConnectionState();
  const [answer, setAnswer] = useState<{ data?: T; problem?: string }>({});
  const [attempt, setAttempt] = useState(0);
  const key = JSON.stringify(variables);
  const cut = kind === 'disconnected';

  useEffect(() => {
    // What is shown stays; that there is no connection is told once for the whole page.
    if (cut) return undefined;
    const ending = new AbortController();
    connection
      .query<T>(document, JSON.parse(key) as Variables, ending.signal)
      .then((data) => {
        setAnswer({ data });
      })
      .catch((error: unknown) => {
        if (ending.signal.aborted) return;
        const problem = error instanceof Error ? error.message : String(error);
        setAnswer((before) => ({ ...before, problem }));
      });
    return () => {
      ending.abort();
    };
  }, [connection, document, key, attempt, cut]);

  const reload = useRef(() => {
    setAttempt((count) => count + 1);
  }).current;
  useEffect(() => {
    if (everyMs === undefined) return undefined;
    const timer = setInterval(reload, everyMs);
    return () => {
      clearInterval(timer);
    };
  }, [everyMs, reload]);
  return { data: answer.data, problem: answer.problem, reload };
}

export interface StreamOptions<T extends Resumable> extends Pick<
  FollowOptions<T>,
  'document' | 'field' | 'onEvent'
> {
  readonly variables?: Variables;
  /**
   * The cursor of the list that the stream goes on behind, so that nothing falls between the two; while it is undefined,
   * the stream waits. Left out where the stream needs no list.
   */
  readonly from?: string | undefined;
}

/** Follows a stream for as long as the component is there. Returns what is wrong with it; undefined for nothing. */
export function useStream<T extends Resumable>(options: StreamOptions<T>): string | undefined {
  const { document, variables = {}, field, onEvent, from } = options;
  const connection = useConnection();
  const [problem, setProblem] = useState<string>();
  const handler = useRef(onEvent);
  handler.current = onEvent;
  const key = JSON.stringify(variables);
  // A list that is read anew does not begin the stream anew: it resumes by itself.
  const begin = useRef(from);
  begin.current = from;
  const waits = 'from' in options && from === undefined;

  useEffect(() => {
    if (waits) return undefined;
    return connection.follow<T>({
      document,
      field,
      variables: JSON.parse(key) as Variables,
      after: begin.current,
      onEvent: (event) => {
        setProblem(undefined);
        handler.current(event);
      },
      onProblem: setProblem,
    });
  }, [connection, document, field, key, waits]);
  return problem;
}
