import type { GatewayGraphQLRequestContext } from '@apollo/server-gateway-interface';
import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { DEFAULT_WORKSPACE } from '../../kernel/identity/principal.js';
import { traceOf } from '../../kernel/telemetry/trace-context.js';

/** The context of fetches, with the operation of Apollo Server that they are for. */
interface IncomingContext extends RequestContext {
  readonly incoming: GatewayGraphQLRequestContext;
}

/** Who asks is known to the server's `context` function alone. */
const NOBODY = { subject: 'anonymous', workspace: DEFAULT_WORKSPACE, roles: [] };

/** Makes the context of an operation's fetches; its trace goes on from the request's `traceparent` header. */
export function openIncomingContext(incoming: GatewayGraphQLRequestContext): RequestContext {
  const traceparent = incoming.request.http?.headers.get('traceparent');
  const context: IncomingContext = { principal: NOBODY, trace: traceOf({ traceparent }), incoming };
  return context;
}

/** The operation that a fetch is for; undefined when the gateway asks by itself. */
export function incomingOf(context: RequestContext): GatewayGraphQLRequestContext | undefined {
  return 'incoming' in context ? (context as IncomingContext).incoming : undefined;
}
