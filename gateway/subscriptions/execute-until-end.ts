import { setTimeout as sleep } from 'node:timers/promises';
import { GraphQLError, type ExecutionResult } from 'graphql';
import type { SubscriptionEnd } from './event-sink.js';
import { backoffMs, isLoss, type ReconnectRules } from './reconnect.js';

/** What is executed, and who is told. */
export interface Execution {
  /** Begins, or begins again where it was lost. Never throws. */
  readonly open: () => Promise<AsyncIterableIterator<ExecutionResult> | ExecutionResult>;
  /** The next event is taken when this one has been handled. */
  readonly onEvent: (event: ExecutionResult) => Promise<void>;
  /** Told of each loss that is not the end. */
  readonly onLoss: () => void;
  readonly reconnect: ReconnectRules;
  /** Aborted when nobody wants it any more. */
  readonly signal: AbortSignal;
}

/** What one of its runs came to: an end for the clients, or the loss of the subgraph. */
type Outcome = SubscriptionEnd | { readonly kind: 'lost'; readonly error: GraphQLError };

/** After this long without a loss, earlier ones are forgotten, in milliseconds. */
const STABLE_MS = 10_000;

/** Executes a subscription until there is an end, and again after each loss of its subgraph as long as the rules allow. */
export async function executeUntilEnd(execution: Execution): Promise<SubscriptionEnd> {
  const { reconnect, signal, onLoss } = execution;
  const unwanted = () => signal.aborted;
  let attempts = 0;
  for (;;) {
    const begunAt = performance.now();
    const run = await runOnce(execution, attempts > 0);
    if (run.outcome.kind !== 'lost') return run.outcome;
    if (unwanted()) return { kind: 'complete' };
    if (run.events > 0 || performance.now() - begunAt > STABLE_MS) attempts = 0;
    if (attempts >= reconnect.maxAttempts) return { kind: 'failed', errors: [run.outcome.error] };
    attempts += 1;
    onLoss();
    await sleep(backoffMs(attempts, reconnect), undefined, { signal }).catch(() => undefined);
    if (unwanted()) return { kind: 'complete' };
  }
}

async function runOnce(execution: Execution, again: boolean): Promise<{ outcome: Outcome; events: number }> {
  const source = await execution.open();
  if (Symbol.asyncIterator in source) return pump(source, execution);
  const [error] = source.errors ?? [];
  // What cannot even begin is told at once; what has begun before may be there again soon.
  if (!again) return { outcome: { kind: 'refused', result: source }, events: 0 };
  if (error && isLoss(error)) return { outcome: { kind: 'lost', error }, events: 0 };
  return { outcome: { kind: 'failed', errors: source.errors ?? [] }, events: 0 };
}

async function pump(source: AsyncIterableIterator<ExecutionResult>, { onEvent }: Execution) {
  let events = 0;
  const toOutcome = async (): Promise<Outcome> => {
    try {
      for (let next = await source.next(); !next.done; next = await source.next()) {
        await onEvent(next.value);
        events += 1;
      }
      return { kind: 'complete' };
    } catch (thrown) {
      // The stream may still be there, when it was an event that could not be written.
      await source.return?.().catch(() => undefined);
      const error = thrown instanceof GraphQLError ? thrown : toMasked(thrown);
      return isLoss(error) ? { kind: 'lost', error } : { kind: 'failed', errors: [error] };
    }
  };
  return { outcome: await toOutcome(), events };
}

/** What nobody foresaw, as an error that is masked on its way out. */
export function toMasked(thrown: unknown): GraphQLError {
  const originalError = thrown instanceof Error ? thrown : new Error(String(thrown));
  return new GraphQLError(originalError.message, { originalError });
}
