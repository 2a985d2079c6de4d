import { createMcpHandler, isInitializeRequest } from '@modelcontextprotocol/server';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { AdmissionSettings } from '../../access/admission-settings.js';
import type { TrustedDocuments } from '../../access/trusted-documents.js';
import type { Gateway } from '../../gateway.js';
import type { McpExchange } from './mcp-exchange.js';
import { createMcpServer } from './mcp-server.js';
import { createRunOperation, type RunOperationOptions } from './run-operation.js';
import { createRunningCalls } from './running-calls.js';
import { issueSession, readClientInfo } from './session.js';
import { createToolBox } from './tool-box.js';

export interface McpHandlerOptions extends RunOperationOptions {
  readonly gateway: Gateway;
  readonly settings: AdmissionSettings & { readonly mcpMutations: boolean };
  readonly trustedDocuments: TrustedDocuments | undefined;
  readonly logger: Logger;
}

/** Answers the requests of agents, whichever version of the protocol they speak. */
export interface McpHandler {
  /**
   * @param request without its body.
   * @param body as it was read from JSON.
   */
  answer(request: Request, exchange: McpExchange, body: unknown): Promise<McpAnswer>;
  /** Ends the streams of those who listen for changes. */
  close(): Promise<void>;
}

interface McpAnswer {
  readonly response: Response;
  /** For an agent that begins. */
  readonly session: string | undefined;
}

/** Makes the handler of one server, and tells agents that listen when there are other tools. */
export function createHandler(options: McpHandlerOptions): McpHandler {
  const { gateway, settings, trustedDocuments, formatErrors, logger } = options;
  const exchanges = new WeakMap<Request, McpExchange>();
  const run = createRunOperation(options);
  const tools = createToolBox({ gateway, settings, trustedDocuments, run });
  const calls = createRunningCalls();
  const handler = createMcpHandler(
    ({ era, requestInfo }) => {
      const exchange = requestInfo && exchanges.get(requestInfo);
      if (!exchange) throw new Error('the kit asks for a server without a request');
      const version = gateway.current.snapshot.id;
      return createMcpServer(exchange, era, { tools, calls, formatErrors, version });
    },
    {
      onerror(error) {
        logger.debug({ err: error }, 'an agent was not served');
      },
    },
  );
  const announce = () => {
    handler.notify.toolsChanged();
  };
  const stops = [gateway.onGeneration(announce), trustedDocuments?.onChange?.(announce)];

  return {
    async answer(request, exchange, body) {
      exchanges.set(request, exchange);
      const response = await handler.fetch(request, { parsedBody: body });
      const begins = isInitializeRequest(body) && response.ok;
      return {
        response,
        session: begins ? issueSession(readClientInfo(body.params.clientInfo)) : undefined,
      };
    },
    async close() {
      for (const stop of stops) stop?.();
      await handler.close();
    },
  };
}
