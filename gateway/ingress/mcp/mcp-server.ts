import {
  CLIENT_INFO_META_KEY,
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  TRACEPARENT_META_KEY,
  type CallToolRequest,
  type CallToolResult,
  type McpRequestContext,
  type ServerContext,
  type Tool,
} from '@modelcontextprotocol/server';
import { GraphQLError } from 'graphql';
import type { FormatErrors } from '../../../kernel/graphql/format-errors.js';
import { continueTrace } from '../../../kernel/telemetry/trace-context.js';
import type { McpExchange } from './mcp-exchange.js';
import type { RunningCalls } from './running-calls.js';
import { readClientInfo } from './session.js';
import type { ToolBox } from './tool-box.js';
import type { ToolCall, ToolOutcome } from './tool.js';

export interface McpServerOptions {
  readonly tools: ToolBox;
  readonly calls: RunningCalls;
  readonly formatErrors: FormatErrors;
  /** Of the supergraph: an agent that knows another one should look anew. */
  readonly version: string;
}

const INSTRUCTIONS =
  'This is one GraphQL endpoint over several services. Tools that bear the name of an operation execute it, with its ' +
  'variables as arguments. Where search_schema, describe_type and execute_query are there, find out with the first two what ' +
  'there is, and ask for it with the third. A result has data, or errors with a code in their extensions, or both.';

/** Makes the server of one request: what an agent may do, for who asks. */
export function createMcpServer(
  exchange: McpExchange,
  era: McpRequestContext['era'],
  options: McpServerOptions,
): McpServer {
  const { tools, calls, formatErrors, version } = options;
  const { principal, trace } = exchange.context;
  const mcp = new McpServer(
    { name: 'aegis', title: 'Aegis', version },
    // Changes are told to who listens for them, as agents can since the version of 2026.
    { capabilities: { tools: { listChanged: era === 'modern' } }, instructions: INSTRUCTIONS },
  );
  const { server } = mcp;

  server.setRequestHandler('tools/list', async () => {
    try {
      const offered = await tools.list(principal);
      return { tools: offered.map(({ definition }) => definition as Tool) };
    } catch (error) {
      const [wire] = formatErrors([toGraphQLError(error)], trace);
      throw new ProtocolError(ProtocolErrorCode.InternalError, wire?.message ?? '', wire?.extensions);
    }
  });

  server.setRequestHandler('tools/call', async ({ params }, context) => {
    const call = openCall(params, exchange, context);
    const end = track(context.mcpReq.id, exchange, calls);
    try {
      const tool = await tools.find(params.name, principal);
      if (!tool) throw unknownTool(params.name);
      return toResult(await tool.call(call));
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      const errors = formatErrors([toGraphQLError(error)], call.context.trace);
      return toResult({ structured: { errors } });
    } finally {
      end();
    }
  });

  server.setNotificationHandler('notifications/cancelled', ({ params: { requestId } }) => {
    const { session } = exchange;
    if (session !== undefined && requestId !== undefined) calls.cancel({ principal, session, id: requestId });
  });
  return mcp;
}

function openCall(
  params: CallToolRequest['params'],
  { context, client, left }: McpExchange,
  { mcpReq }: ServerContext,
): ToolCall {
  const { _meta: meta, envelope } = mcpReq;
  const traceparent = meta?.[TRACEPARENT_META_KEY];
  // The kit's type of it leaves this out.
  const told = readClientInfo((envelope as Record<string, unknown> | undefined)?.[CLIENT_INFO_META_KEY]);
  return {
    arguments: params.arguments ?? {},
    context: typeof traceparent === 'string' ? { ...context, trace: continueTrace(traceparent) } : context,
    client: told.name === undefined ? client : told,
    signal: AbortSignal.any([mcpReq.signal, left.signal]),
  };
}

/** Lets the call be cancelled by another request of its session; ending the exchange ends the call. */
function track(
  id: string | number,
  { context: { principal }, session, left }: McpExchange,
  calls: RunningCalls,
): () => void {
  if (session === undefined) return () => undefined;
  return calls.begin({ principal, session, id }, () => {
    left.abort();
  });
}

function toResult({ structured, text }: ToolOutcome): CallToolResult {
  return {
    content: [{ type: 'text', text: text ?? JSON.stringify(structured) }],
    structuredContent: structured,
    ...(structured.errors ? { isError: true } : {}),
  };
}

/** Source: Model Context Protocol, Tools, Error Handling: tools that are not there are errors of the protocol. */
function unknownTool(name: string): ProtocolError {
  return new ProtocolError(
    ProtocolErrorCode.InvalidParams,
    `expected one of the tools that tools/list gives, got ${JSON.stringify(name.slice(0, 128))}.`,
    { code: 'NOT_FOUND', retryable: false },
  );
}

function toGraphQLError(error: unknown): GraphQLError {
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
}
