import type { IncomingHttpHeaders } from 'node:http';
import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { IdentifyClient } from '../../kernel/graphql/subgraph.js';
import { findBearerToken } from '../../kernel/identity/bearer-token.js';
import type { Principal } from '../../kernel/identity/principal.js';

/** Who sends a request, by its `Authorization: Bearer` or `X-Api-Key` header. Errors: UNAUTHENTICATED. */
export async function authenticateHeaders(
  headers: IncomingHttpHeaders,
  identify: IdentifyClient,
): Promise<Principal> {
  const token = findToken(headers, headers['x-api-key']);
  const principal = await identify({ token });
  if (principal) return principal;
  throw new AegisError(
    'UNAUTHENTICATED',
    token === undefined
      ? 'expected an API key or a token in the header `Authorization: Bearer <key>`, got none.'
      : 'the API key or token is not one of this server.',
  );
}

/**
 * Who opens a socket, by the connection parameters `authorization` or `apiKey`, or else by the headers of the upgrade;
 * undefined when nobody is known by them.
 */
export async function authenticateConnection(
  parameters: Readonly<Record<string, unknown>> | undefined,
  headers: IncomingHttpHeaders,
  identify: IdentifyClient,
): Promise<Principal | undefined> {
  const presented = parameters ?? {};
  const token =
    findToken(presented, presented['apiKey'] ?? presented['x-api-key']) ??
    findToken(headers, headers['x-api-key']);
  try {
    return await identify({ token });
  } catch (error) {
    // The protocol has no more to say of it than that the connection is forbidden.
    if (error instanceof AegisError && error.code === 'UNAUTHENTICATED') return undefined;
    throw error;
  }
}

/** A token that was presented, in whatever form; undefined when nothing was. */
function findToken(presented: Readonly<Record<string, unknown>>, apiKey: unknown): string | undefined {
  const authorization = presented['authorization'] ?? presented['Authorization'];
  // What is there but no bearer token must not pass for nothing.
  if (authorization !== undefined) return findBearerToken(presented) ?? '';
  return typeof apiKey === 'string' ? apiKey : undefined;
}
