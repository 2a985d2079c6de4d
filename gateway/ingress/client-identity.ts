/** What a client program calls itself. */
export interface ClientIdentity {
  readonly name: string | undefined;
  readonly version: string | undefined;
}

/** Longer names are cut: they go into every line of the log. */
const MAX_CHARACTERS = 64;

/**
 * Reads what a client calls itself, from headers or from the parameters that open a WebSocket.
 *
 * Sources: Apollo Client awareness, for `apollographql-client-name` and `-version`; Hive, for `graphql-client-name`.
 */
export function readClientIdentity(presented: Readonly<Record<string, unknown>>): ClientIdentity {
  const read = (part: string) => {
    const value = presented[`apollographql-client-${part}`] ?? presented[`graphql-client-${part}`];
    return typeof value === 'string' && value !== '' ? value.slice(0, MAX_CHARACTERS) : undefined;
  };
  return { name: read('name'), version: read('version') };
}
