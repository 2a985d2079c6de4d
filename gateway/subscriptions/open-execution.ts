import type { ExecutionResult } from 'graphql';
import type { GatewayOperation } from '../gateway-operation.js';
import type { GatewaySubscription } from '../operation-runner.js';
import type { AskedOperation, SharedOperation } from './shared-operation.js';

/** Begins executions of one subscription, one after the other. */
export interface ExecutionOpener {
  /** Begins, behind the last event when it begins again. Never throws. */
  readonly open: () => Promise<GatewaySubscription | ExecutionResult>;
  /** Lets what runs go on with the generation of the operation as it is now. */
  takeAlong(): void;
}

export interface ExecutionOpenerOptions {
  readonly subscribe: (operation: GatewayOperation) => Promise<GatewaySubscription | ExecutionResult>;
  /** The operation as it is now, and the cursor of its last event. */
  readonly now: () => { readonly operation: SharedOperation; readonly cursor: unknown };
  readonly signal: AbortSignal;
}

/** Begins nothing yet. */
export function createExecutionOpener(options: ExecutionOpenerOptions): ExecutionOpener {
  const { subscribe, now, signal } = options;
  let running: GatewaySubscription | undefined;

  function toExecute(): GatewayOperation {
    const { operation, cursor } = now();
    return { ...behind(operation, cursor), signal };
  }

  function takeAlong(): void {
    // What cannot be taken along stays with the generation that it began with.
    running?.carryOver(toExecute()).catch(() => undefined);
  }

  return {
    async open() {
      const { operation } = now();
      const opened = await subscribe(toExecute());
      running = 'carryOver' in opened ? opened : undefined;
      // While it began, the supergraph was changed.
      if (operation !== now().operation) takeAlong();
      return opened;
    },
    takeAlong,
  };
}

/** The operation as it is executed, behind an event when there was one. */
function behind({ asked, resumable }: SharedOperation, cursor: unknown): AskedOperation {
  if (!resumable) return asked;
  const variables = resumable.variablesAfter(asked.variables ?? {}, cursor);
  return { ...asked, document: resumable.document, variables };
}
