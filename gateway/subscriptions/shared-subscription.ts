import type { ExecutionResult } from 'graphql';
import type { FormatErrors } from '../../kernel/graphql/format-errors.js';
import type { GatewayOperation } from '../gateway-operation.js';
import type { GatewaySubscription } from '../operation-runner.js';
import type { Delivery } from './delivery.js';
import type { SubscriptionEnd } from './event-sink.js';
import { createEventWriter } from './event-writer.js';
import { executeUntilEnd, toMasked } from './execute-until-end.js';
import type { ReconnectRules } from './reconnect.js';
import type { AskedOperation, SharedOperation } from './shared-operation.js';
import type { SubscriptionMetrics } from './subscription-metrics.js';

/** One execution of a subscription, for all clients that ask for the same. It runs as long as there is one of them. */
export interface SharedSubscription {
  readonly operation: SharedOperation;
  readonly clients: ReadonlySet<Delivery>;
  /** Whether a client that comes now gets the events that it asked for. */
  readonly joinable: boolean;
  /** A client that comes later gets the next event as its first. */
  add(client: Delivery): void;
  /** With the last client the execution ends, at once. */
  remove(client: Delivery): void;
  /** Continues as the same operation of another generation; what is open at the subgraph goes on untouched. */
  carryOver(operation: SharedOperation): void;
}

export interface SharedSubscriptionDeps {
  /** Begins an execution of its own. Never throws. */
  readonly subscribe: (operation: GatewayOperation) => Promise<GatewaySubscription | ExecutionResult>;
  readonly formatErrors: FormatErrors;
  readonly reconnect: ReconnectRules;
  readonly metrics: SubscriptionMetrics;
  /** Told once, when it has ended in whichever way. */
  readonly onEnd: (subscription: SharedSubscription) => void;
}

/** After so many writes the rest of the process has its turn: they take some milliseconds. */
const CLIENTS_AT_ONCE = 500;

/** Begins an execution. Nothing is told to a client before this has returned. */
export function createSharedSubscription(
  begun: SharedOperation,
  { subscribe, formatErrors, reconnect, metrics, onEnd }: SharedSubscriptionDeps,
): SharedSubscription {
  const clients = new Set<Delivery>();
  const left = new AbortController();
  const writer = createEventWriter(formatErrors);
  let operation = begun;
  let running: GatewaySubscription | undefined;
  let ended = false;

  async function deliver(result: ExecutionResult): Promise<void> {
    const event = writer.write(result, operation);
    metrics.delivered.inc(clients.size);
    let turn = 0;
    // Those who come meanwhile get the next event as their first.
    for (const client of [...clients]) {
      turn += 1;
      if (turn % CLIENTS_AT_ONCE === 0) await new Promise(setImmediate);
      if (clients.has(client) && !client.push(event)) remove(client);
    }
    metrics.lagSeconds.observe((performance.now() - event.readyAt) / 1_000);
  }

  async function open(): Promise<GatewaySubscription | ExecutionResult> {
    const asked = operation;
    const opened = await subscribe({ ...toExecute(asked, writer.cursor), signal: left.signal });
    running = 'carryOver' in opened ? opened : undefined;
    // While it began, the supergraph was changed.
    if (asked !== operation) takeAlong();
    return opened;
  }

  function takeAlong(): void {
    // What cannot be taken along stays with the generation that it began with.
    running
      ?.carryOver({ ...toExecute(operation, writer.cursor), signal: left.signal })
      .catch(() => undefined);
  }

  function noteLoss(): void {
    const resumes = writer.cursor !== undefined || operation.begins;
    if (!resumes) writer.markGap();
    metrics.reconnects.inc({ continuity: resumes ? 'resumed' : 'gap' });
  }

  function finish(end: SubscriptionEnd): void {
    if (ended) return;
    ended = true;
    for (const client of clients) client.end(end);
    clients.clear();
    onEnd(subscription);
  }

  function remove(client: Delivery): void {
    if (!clients.delete(client) || clients.size > 0 || ended) return;
    left.abort();
    finish({ kind: 'complete' });
  }

  const subscription: SharedSubscription = {
    get operation() {
      return operation;
    },
    clients,
    get joinable() {
      return !ended && !(operation.begins && writer.count > 0);
    },
    add(client) {
      clients.add(client);
    },
    remove,
    carryOver(next) {
      operation = next;
      takeAlong();
    },
  };
  executeUntilEnd({
    open,
    onEvent: deliver,
    onLoss: noteLoss,
    reconnect,
    signal: left.signal,
  }).then(finish, (error: unknown) => {
    finish({ kind: 'failed', errors: [toMasked(error)] });
  });
  return subscription;
}

/** The operation as it is executed, behind the last event when it is begun again. */
function toExecute({ asked, resumable }: SharedOperation, cursor: unknown): AskedOperation {
  if (!resumable) return asked;
  const variables = resumable.variablesAfter(asked.variables ?? {}, cursor);
  return { ...asked, document: resumable.document, variables };
}
