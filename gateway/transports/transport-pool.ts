import type { SubgraphAddress } from '../supergraph/snapshot.js';
import type { Transport } from './transport.js';

/** The transports of all supergraphs that are in use: one for each subgraph and address, closed with its last user. */
export interface TransportPool {
  /** Transports for some subgraphs; each must be given back once. */
  acquire(subgraphs: readonly SubgraphAddress[]): AcquiredTransports;
}

export interface AcquiredTransports {
  readonly byName: ReadonlyMap<string, Transport>;
  release(): Promise<void>;
}

interface Entry {
  readonly transport: Transport;
  users: number;
}

export function createTransportPool(open: (address: SubgraphAddress) => Transport): TransportPool {
  const entries = new Map<string, Entry>();

  function acquireOne(address: SubgraphAddress): Entry {
    const key = keyOf(address);
    const entry = entries.get(key) ?? { transport: open(address), users: 0 };
    entries.set(key, entry);
    entry.users += 1;
    return entry;
  }

  async function releaseOne(address: SubgraphAddress): Promise<void> {
    const key = keyOf(address);
    const entry = entries.get(key);
    if (!entry) return;
    entry.users -= 1;
    if (entry.users > 0) return;
    entries.delete(key);
    await entry.transport.close();
  }

  return {
    acquire(subgraphs) {
      const byName = new Map(subgraphs.map((address) => [address.name, acquireOne(address).transport]));
      return {
        byName,
        release: async () => {
          await Promise.all(subgraphs.map(releaseOne));
        },
      };
    },
  };
}

function keyOf({ name, url }: SubgraphAddress): string {
  return `${name} ${url}`;
}
