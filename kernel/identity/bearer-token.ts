const BEARER = /^Bearer +(?<token>[A-Za-z0-9._~+/-]+=*) *$/i;

/**
 * The token of an `authorization: Bearer …` entry, in the headers of a request or in the payload with which a client
 * opens a graphql-ws connection; undefined when there is none. Source: RFC 6750, §2.1.
 */
export function findBearerToken(
  presented: Readonly<Record<string, unknown>> | undefined,
): string | undefined {
  const authorization = presented?.['authorization'] ?? presented?.['Authorization'];
  return typeof authorization === 'string' ? BEARER.exec(authorization)?.groups?.['token'] : undefined;
}
