import { AegisError } from '../kernel/errors/aegis-error.js';
import type { Logger } from '../kernel/telemetry/logger.js';
import type { OperationUsage } from './execution/operation-usage.js';
import type { Generation } from './generation.js';
import type { PlannedSupergraph, Planning } from './planning/planning.js';
import { SupergraphInvalid } from './supergraph/snapshot.js';
import { warmUp } from './warm-up.js';

/** The generations of one gateway, one after the other. */
export interface GenerationLine {
  readonly current: Generation;
  /** See gateway.ts. */
  swap(supergraph: string | PlannedSupergraph): Promise<Generation>;
  onGeneration(listener: (generation: Generation) => void): () => void;
  /** Retires the current one, and takes no more. */
  close(): void;
}

export interface GenerationLineOptions {
  readonly first: PlannedSupergraph;
  readonly planning: Pick<Planning, 'open'>;
  /** Errors: when the supergraph cannot be served. */
  readonly create: (supergraph: PlannedSupergraph) => Generation;
  readonly usage: OperationUsage;
  /** How many operations are planned before another supergraph is taken. */
  readonly warmOperations: number;
  /** How long that may take, in milliseconds. */
  readonly warmUpMs: number;
  readonly logger: Logger;
}

/** Begins with the first generation. Errors: SupergraphInvalid when it cannot be served. */
export function createGenerationLine({ first, ...options }: GenerationLineOptions): GenerationLine {
  const { usage, logger, warmOperations: operations, warmUpMs: timeoutMs } = options;
  const listeners = new Set<(generation: Generation) => void>();
  let current = open(first);
  let closed = false;
  let swapping: Promise<unknown> = Promise.resolve();

  function open(supergraph: PlannedSupergraph): Generation {
    try {
      return options.create(supergraph);
    } catch (error) {
      supergraph.close();
      const reason = error instanceof Error ? error.message : String(error);
      throw new SupergraphInvalid(`the supergraph cannot be served: ${reason}`, { cause: error });
    }
  }

  async function swap(supergraph: string | PlannedSupergraph): Promise<Generation> {
    const text = typeof supergraph === 'string' ? supergraph : supergraph.snapshot.sdl;
    if (!closed && text === current.snapshot.sdl) {
      if (typeof supergraph !== 'string') supergraph.close();
      return current;
    }
    refuseWhenClosed();
    const read = typeof supergraph === 'string' ? await options.planning.open(text) : supergraph;
    const next = open(read);
    const warm = await warmUp(next, { usage, operations, timeoutMs });
    if (closed) next.retire();
    refuseWhenClosed();
    take(next);
    logger.info({ supergraph: next.snapshot.id, warm }, 'took another supergraph');
    return next;
  }

  function refuseWhenClosed(): void {
    if (closed) throw new AegisError('UNAVAILABLE', 'the gateway is stopping.');
  }

  function take(next: Generation): void {
    const previous = current;
    current = next;
    usage.forget(next.snapshot.apiSchema);
    for (const listener of listeners) tell(listener, next);
    previous.retire();
  }

  function tell(listener: (generation: Generation) => void, generation: Generation): void {
    try {
      listener(generation);
    } catch (error) {
      logger.error({ err: error }, 'a part of the server did not take the new supergraph');
    }
  }

  return {
    get current() {
      return current;
    },
    swap(supergraph) {
      const swapped = swapping.then(() => swap(supergraph));
      swapping = swapped.catch(() => undefined);
      return swapped;
    },
    onGeneration(listener) {
      listeners.add(listener);
      listener(current);
      return () => listeners.delete(listener);
    },
    close() {
      closed = true;
      current.retire();
    },
  };
}
