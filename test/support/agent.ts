import { Client, StreamableHTTPClientTransport, type CallToolResult } from '@modelcontextprotocol/client';

/** The versions of the protocol that agents speak: those of 2025, which begin with a handshake, and that of 2026. */
export const ERAS = ['legacy', 'auto'] as const;
export type Era = (typeof ERAS)[number];

export interface OpenAgentOptions {
  readonly era?: Era;
  readonly headers?: Record<string, string>;
  /** Is told when the server announces other tools. */
  readonly onTools?: () => void;
}

/** What came of a call. */
export interface Called {
  readonly isError: boolean;
  // The shape is what the tests look at.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly answer: any;
  readonly text: string;
}

/** An AI agent as the official client connects it. */
export interface Agent {
  readonly client: Client;
  toolNames(): Promise<readonly string[]>;
  call(name: string, args?: Record<string, unknown>, signal?: AbortSignal): Promise<Called>;
}

/** Connects an agent. Errors: when it is not let in. */
export async function openAgent(
  url: string,
  { era = 'auto', headers = {}, onTools }: OpenAgentOptions = {},
): Promise<Agent> {
  const client = new Client(
    { name: 'test-agent', version: '1.2.3' },
    {
      versionNegotiation: { mode: era },
      ...(onTools ? { listChanged: { tools: { onChanged: onTools, debounceMs: 0 } } } : {}),
    },
  );
  await client.connect(new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit: { headers } }));
  return {
    client,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    async call(name, args = {}, signal) {
      const result = await client.callTool({ name, arguments: args }, signal ? { signal } : {});
      return read(result);
    },
  };
}

function read({ isError = false, structuredContent, content }: CallToolResult): Called {
  const [first] = content;
  return { isError, answer: structuredContent, text: first?.type === 'text' ? first.text : '' };
}
