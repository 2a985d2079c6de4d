import type { IncomingHttpHeaders } from 'node:http';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Identify } from '../../kernel/graphql/subgraph.js';
import type { Principal } from '../../kernel/identity/principal.js';

const BEARER = /^bearer (?<token>\S+)$/i;

/** Who sends a request, by its `Authorization: Bearer` or `X-Api-Key` header. Errors: UNAUTHENTICATED. */
export function authenticateHeaders(headers: IncomingHttpHeaders, identify: Identify): Principal {
  const { authorization } = headers;
  const apiKey = headers['x-api-key'];
  const token = authorization === undefined ? apiKey : (BEARER.exec(authorization)?.groups?.['token'] ?? '');
  return admit(typeof token === 'string' ? token : undefined, identify);
}

/**
 * Who opens a socket, by the connection parameters `authorization` or `apiKey`, or else by the headers of the upgrade.
 * Errors: UNAUTHENTICATED.
 */
export function authenticateConnection(
  parameters: Readonly<Record<string, unknown>> | undefined,
  headers: IncomingHttpHeaders,
  identify: Identify,
): Principal {
  const authorization = parameters?.['authorization'] ?? parameters?.['Authorization'];
  if (typeof authorization === 'string') return authenticateHeaders({ authorization }, identify);
  const apiKey = parameters?.['apiKey'] ?? parameters?.['x-api-key'];
  return typeof apiKey === 'string' ? admit(apiKey, identify) : authenticateHeaders(headers, identify);
}

function admit(token: string | undefined, identify: Identify): Principal {
  const principal = identify({ token });
  if (principal) return principal;
  throw new AegisError(
    'UNAUTHENTICATED',
    token === undefined
      ? 'expected an API key in the header `Authorization: Bearer <key>` (over WebSocket, in the connection parameter `authorization`), got none.'
      : 'the API key is not one of this server.',
  );
}
