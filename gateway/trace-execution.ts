import type { ExecutionResult } from 'graphql';
import type { RequestContext } from '../kernel/graphql/subgraph.js';
import type { TraceContext } from '../kernel/telemetry/trace-context.js';
import type { Span, Tracing } from '../kernel/telemetry/tracing.js';
import type { CompleteInContext, TraceEvent } from './execution/execution-request.js';
import type { OperationVariant, PreparedOperation } from './execution/prepared-operation.js';
import type { GatewayOperation } from './gateway-operation.js';

/** An operation with a span around the wait for its plan: there is none when the plan is there. */
export function tracePlanning(
  prepared: PreparedOperation,
  trace: TraceContext,
  tracing: Tracing,
): PreparedOperation {
  async function follow(span: Span, planning: Promise<OperationVariant>): Promise<OperationVariant> {
    try {
      return await planning;
    } catch (error) {
      span.fail('PLANNING_FAILED');
      throw error;
    } finally {
      span.end();
    }
  }

  return {
    ...prepared,
    variantFor(variables, overrides, incremental) {
      const found = prepared.variantFor(variables, overrides, incremental);
      if (!(found instanceof Promise)) return found;
      return follow(
        tracing.begin(trace, { name: 'plan', attributes: { 'aegis.plan.cached': false } }),
        found,
      );
    },
  };
}

/** A subscription that begins under a span. */
export interface TracedSubscription {
  /** The operation as it goes on below that span. */
  readonly operation: GatewayOperation;
  readonly traceEvent: TraceEvent;
  /** It has begun, or could not. */
  begun(hasFailed: boolean): void;
}

/**
 * Begins the span of an execution of a subscription, which ends when that has begun. The completion of each event is a
 * trace of its own with a link to it: a subscription may run for days, and no trace should.
 */
export function traceSubscription(operation: GatewayOperation, tracing: Tracing): TracedSubscription {
  const span = tracing.begin(operation.context.trace, { name: 'begin subscription' });
  const { trace } = span;
  return {
    operation: { ...operation, context: { ...operation.context, trace } },
    traceEvent: (context, complete) => completeUnderSpan(context, complete, { trace, tracing }),
    begun(hasFailed) {
      if (hasFailed) span.fail('SUBSCRIPTION_REFUSED');
      span.end();
    },
  };
}

async function completeUnderSpan(
  context: RequestContext,
  complete: CompleteInContext,
  { trace, tracing }: { readonly trace: TraceContext; readonly tracing: Tracing },
): Promise<ExecutionResult> {
  const span = tracing.beginLinked(trace, { name: 'complete event' });
  try {
    const result = await complete({ ...context, trace: span.trace });
    if (result.errors) span.fail('EVENT_INCOMPLETE');
    return result;
  } catch (error) {
    span.fail('EVENT_INCOMPLETE');
    throw error;
  } finally {
    span.end();
  }
}
