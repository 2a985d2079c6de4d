/**
 * A subgraph's address as it may be told in a log or an error: without its query, which may hold a token. What is no URL is
 * told as nothing at all.
 */
export function describeAddress(url: string): string {
  if (!URL.canParse(url)) return 'an address that is no URL';
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** Whether an address has a user or a password in it: these would be shown wherever addresses are, and are not sent. */
export function hasCredentials({ username, password }: URL): boolean {
  return username !== '' || password !== '';
}
