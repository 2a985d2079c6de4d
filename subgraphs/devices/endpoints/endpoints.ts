import DataLoader from 'dataloader';
import type { SubgraphDeps } from '../../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import { parseEndpoint, type Endpoint } from './endpoint.js';
import { createEndpointMutations, type EndpointMutations } from './endpoint-mutations.js';
import { createEndpointRegistry, type EndpointRegistry, type EndpointRegistryDeps } from './registry.js';

/** A device and where it is reached. */
export interface ReachedDevice<E extends Endpoint = Endpoint> {
  readonly workspace: WorkspaceId;
  readonly deviceId: string;
  readonly endpoint: E;
}

/** Turns the same question about many devices into one, for one request. */
export interface EndpointLoaders {
  /** By device id; undefined for a device that comes by itself. */
  readonly endpoints: DataLoader<string, string | undefined>;
}

/** Where devices are reached that do not come by themselves. */
export interface Endpoints {
  readonly registry: EndpointRegistry;
  readonly mutations: EndpointMutations;
  /** All of one kind, at most 10,000. */
  list<K extends Endpoint['kind']>(
    workspace: WorkspaceId,
    kind: K,
  ): Promise<ReachedDevice<Extract<Endpoint, { kind: K }>>[]>;
  /** What the resolvers of one request share. */
  createLoaders(workspace: WorkspaceId): EndpointLoaders;
  /** To be told of each device that was registered, changed or removed, by this process or another. */
  forget(workspace: WorkspaceId, device: { readonly id: string }): void;
  /** Told of each device that is not what it was. The returned function ends it. */
  onChange(listener: (workspace: WorkspaceId, deviceId: string) => void): () => void;
}

export interface EndpointsDeps extends Pick<SubgraphDeps, 'database' | 'log'> {
  readonly onChange: EndpointRegistryDeps['onChange'];
}

/** How many devices of one kind a workspace reaches. */
const MAX_REACHED = 10_000;

/** Ties the room together. */
export function createEndpoints(deps: EndpointsDeps): Endpoints {
  const listeners = new Set<(workspace: WorkspaceId, deviceId: string) => void>();
  const registry = createEndpointRegistry(deps);

  return {
    registry,
    mutations: createEndpointMutations(registry),
    async list(workspace, kind) {
      const rows = await registry.list(workspace, `${kind}:`, MAX_REACHED);
      return rows.flatMap(({ deviceId, url }) => {
        const endpoint = parseEndpoint(url);
        return endpoint && isOf(endpoint, kind) ? [{ workspace, deviceId, endpoint }] : [];
      });
    },
    createLoaders: (workspace) => ({
      endpoints: new DataLoader(async (ids) => {
        const byDevice = await registry.findOf(workspace, ids);
        return ids.map((id) => byDevice.get(id));
      }),
    }),
    forget(workspace, { id }) {
      for (const listener of listeners) listener(workspace, id);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function isOf<K extends Endpoint['kind']>(
  endpoint: Endpoint,
  kind: K,
): endpoint is Extract<Endpoint, { kind: K }> {
  return endpoint.kind === kind;
}
