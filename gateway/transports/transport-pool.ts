import type { SubgraphAddress } from '../supergraph/snapshot.js';
import type { Transport } from './transport.js';

/** The transports of all supergraphs that are in use: one for each subgraph and address, closed with its last user. */
export interface TransportPool {
  /** Transports for some subgraphs; each must be given back once. Errors: when one cannot be opened; then none is. */
  acquire(subgraphs: readonly SubgraphAddress[]): AcquiredTransports;
  /** Resolves when every transport has been given back and closed. */
  drained(): Promise<void>;
}

/** Transports that somebody uses. */
export interface AcquiredTransports {
  readonly byName: ReadonlyMap<string, Transport>;
  /** Gives them back; whoever was the last user of one has closed it then. */
  release(): Promise<void>;
}

interface Entry {
  readonly transport: Transport;
  users: number;
}

/** Makes an empty pool; `open` makes the transport to a subgraph. */
export function createTransportPool(open: (address: SubgraphAddress) => Transport): TransportPool {
  const entries = new Map<string, Entry>();
  const closing = new Set<Promise<void>>();
  const drainers = new Set<() => void>();

  function acquireOne(address: SubgraphAddress): Transport {
    const key = keyOf(address);
    const entry = entries.get(key) ?? { transport: open(address), users: 0 };
    entries.set(key, entry);
    entry.users += 1;
    return entry.transport;
  }

  async function releaseOne(address: SubgraphAddress): Promise<void> {
    const key = keyOf(address);
    const entry = entries.get(key);
    if (!entry) return;
    entry.users -= 1;
    if (entry.users > 0) return;
    entries.delete(key);
    // Nothing waits for its sockets any more; a failure to close one concerns nobody.
    const closed = entry.transport.close().catch(() => undefined);
    closing.add(closed);
    await closed;
    closing.delete(closed);
    tellDrainers();
  }

  function tellDrainers(): void {
    if (entries.size > 0 || closing.size > 0) return;
    for (const tell of drainers) tell();
    drainers.clear();
  }

  async function release(subgraphs: readonly SubgraphAddress[]): Promise<void> {
    await Promise.all(subgraphs.map(releaseOne));
  }

  return {
    acquire(subgraphs) {
      const byName = new Map<string, Transport>();
      const taken: SubgraphAddress[] = [];
      try {
        for (const address of subgraphs) {
          byName.set(address.name, acquireOne(address));
          taken.push(address);
        }
      } catch (error) {
        void release(taken);
        throw error;
      }
      return { byName, release: () => release(taken.splice(0)) };
    },
    drained() {
      return new Promise((resolve) => {
        drainers.add(resolve);
        tellDrainers();
      });
    },
  };
}

function keyOf({ name, url }: SubgraphAddress): string {
  return `${name} ${url}`;
}
