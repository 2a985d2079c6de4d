import type { SubgraphAddress } from '../supergraph/snapshot.js';

/**
 * Where the subgraphs are that somebody has registered, and that the operator's supergraph has not at that address: what
 * their names stand for is looked at for each connection, and not only once.
 */
export interface GuestAddresses {
  has(address: SubgraphAddress): boolean;
  /**
   * They stay guests when they are registered no more, for operations that began before may still call them: until the
   * operator's supergraph has them itself.
   *
   * @param own those that the operator's supergraph has at their addresses.
   */
  add(guests: readonly SubgraphAddress[], own?: readonly SubgraphAddress[]): void;
}

/** There are none yet. */
export function createGuestAddresses(): GuestAddresses {
  const guests = new Set<string>();
  return {
    has: (address) => guests.has(keyOf(address)),
    add(coming, own = []) {
      for (const address of own) guests.delete(keyOf(address));
      for (const address of coming) guests.add(keyOf(address));
    },
  };
}

/** Those of some addresses that are not among others. */
export function withoutAddresses(
  addresses: readonly SubgraphAddress[],
  others: readonly SubgraphAddress[],
): readonly SubgraphAddress[] {
  const known = new Set(others.map(keyOf));
  return addresses.filter((address) => !known.has(keyOf(address)));
}

/** One address may be written in several ways. */
function keyOf({ name, url }: SubgraphAddress): string {
  return `${name} ${URL.canParse(url) ? new URL(url).href : url}`;
}
