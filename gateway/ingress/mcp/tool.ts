import type { Tool } from '@modelcontextprotocol/server';
import type { GraphQLFormattedError } from 'graphql';
import type { RequestContext } from '../../../kernel/graphql/subgraph.js';
import type { ClientIdentity } from '../client-identity.js';
import type { ObjectSchema } from './variables-schema.js';

/** One call of a tool. */
export interface ToolCall {
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Who calls, under which trace. */
  readonly context: RequestContext;
  /** What the agent's program calls itself. */
  readonly client: ClientIdentity;
  /** Aborted when the agent cancels the call, or leaves. */
  readonly signal: AbortSignal;
}

/** What a tool answers: an object, as the agent reads it. With errors in it, the call has failed, if perhaps not as a whole. */
export interface ToolOutcome {
  readonly structured: Readonly<Record<string, unknown>> & {
    readonly errors?: readonly GraphQLFormattedError[];
  };
  /** For agents that read text alone; the object as JSON by default. */
  readonly text?: string;
}

/** What an agent is told of a tool. */
export interface ToolDefinition extends Pick<Tool, 'name' | 'title' | 'description' | 'annotations'> {
  readonly inputSchema: ObjectSchema;
}

/** Something that an agent may do. */
export interface McpTool {
  readonly definition: ToolDefinition;
  /** Errors: whatever goes wrong; what is not raised on purpose is masked. */
  call(call: ToolCall): Promise<ToolOutcome>;
}
