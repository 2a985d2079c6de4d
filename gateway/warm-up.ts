import { print } from 'graphql';
import type { OperationUsage } from './execution/operation-usage.js';
import type { PreparedOperation } from './execution/prepared-operation.js';
import type { Generation } from './generation.js';

export interface WarmUpOptions {
  readonly usage: OperationUsage;
  /** How many operations are planned. */
  readonly operations: number;
  /** How long it may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Milliseconds from any instant on. */
  readonly now?: () => number;
}

/**
 * Plans the operations that are executed most for a generation that is about to be the current one, the hottest first, so
 * that its first requests wait for no plan.
 *
 * @returns how many it now has the plans of.
 */
export async function warmUp(
  next: Generation,
  { usage, operations, timeoutMs, now = () => performance.now() }: WarmUpOptions,
): Promise<number> {
  const until = now() + timeoutMs;
  let warm = 0;
  for (const operation of usage.hottest(operations)) {
    if (now() >= until) break;
    // Reading and validating takes this thread: others have their turn in between.
    await new Promise(setImmediate);
    const planned = await plan(next, operation).catch(() => undefined);
    if (!planned) continue;
    usage.inherit(planned, next.snapshot.apiSchema, operation);
    warm += 1;
  }
  return warm;
}

/** The same operation in another generation, with its plans; undefined when it is not valid there. */
async function plan(next: Generation, operation: PreparedOperation): Promise<PreparedOperation | undefined> {
  const document = next.readDocument(print(operation.document));
  if (!('kind' in document)) return undefined;
  const prepared = next.prepare(document, operation.operationName);
  for (const { variables, overrides, incremental } of operation.askedVariants()) {
    const decided = next.snapshot.overrideLabels.map(
      (label) => [label, overrides.get(label) ?? false] as const,
    );
    await prepared.variantFor(variables, new Map(decided), incremental);
  }
  return prepared;
}
