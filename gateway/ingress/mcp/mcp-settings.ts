import type { TrustedDocuments } from '../../access/trusted-documents.js';

/** Whether AI agents may connect. */
export const MCP_MODES = ['auto', 'on', 'off'] as const;

/** What AI agents may do. */
export interface McpSettings {
  /**
   * By default auto: where the server lets in this machine alone, and where trusted documents say what is meant to be asked
   * for. Anywhere else an endpoint of its own for agents is for the operator to decide, though it lets nobody do more than
   * `/graphql` does.
   */
  readonly mcp: (typeof MCP_MODES)[number];
  /** Whether agents may write mutations of their own; those among the trusted documents are tools in any case. */
  readonly mcpMutations: boolean;
}

/** What agents may do where nothing is said. */
export const MCP_DEFAULTS: McpSettings = { mcp: 'auto', mcpMutations: false };

/** How the server is run. */
export interface McpCircumstances {
  /** True while anybody who reaches the server is let in. */
  readonly open: boolean;
  readonly trustedDocuments?: TrustedDocuments | undefined;
}

/** Whether the endpoint is there. */
export function offersMcp(mode: McpSettings['mcp'], { open, trustedDocuments }: McpCircumstances): boolean {
  return mode === 'on' || (mode === 'auto' && (open || trustedDocuments !== undefined));
}
