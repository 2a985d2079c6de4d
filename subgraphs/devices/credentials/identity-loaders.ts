import DataLoader from 'dataloader';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Connectivity } from '../sessions/connectivity.js';
import type { ConnectivityRow } from '../sessions/registry.js';
import type { CredentialRegistry, CredentialRow } from './registry.js';

/** Loaders of one request, each one statement for all devices. */
export interface IdentityLoaders {
  /** By device id, newest first. */
  readonly credentials: DataLoader<string, CredentialRow[]>;
  /** By device id; undefined for one that was never heard from. */
  readonly connectivity: DataLoader<string, ConnectivityRow | undefined>;
}

/** What makes them. */
export interface Identity {
  createLoaders(workspace: WorkspaceId): IdentityLoaders;
}

/** Makes what makes the loaders. */
export function createIdentity(deps: {
  readonly credentials: Pick<CredentialRegistry, 'findOf'>;
  readonly connectivity: Pick<Connectivity, 'find'>;
}): Identity {
  return {
    createLoaders: (workspace) => ({
      credentials: new DataLoader(async (ids) => {
        const byDevice = await deps.credentials.findOf(workspace, ids);
        return ids.map((id) => byDevice.get(id) ?? []);
      }),
      connectivity: new DataLoader(async (ids) => {
        const byDevice = await deps.connectivity.find(workspace, ids);
        return ids.map((id) => byDevice.get(id));
      }),
    }),
  };
}
