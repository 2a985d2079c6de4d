import type { GatewaySettings } from '../gateway/config.js';
import type { Gateway } from '../gateway/gateway.js';
import { createPassedPaths, type PassedPath, type PassedPaths } from '../gateway/ingress/passed-paths.js';
import { createHandOverSigner } from '../kernel/identity/hand-over.js';
import type { GuestGuard } from './guest-guard.js';
import type { AegisProcess } from './process.js';
import { importFrom, listSubgraphNames } from './subgraph-names.js';

export interface OpenPassedPathsOptions {
  readonly settings: GatewaySettings & { readonly handOverSecret: string | undefined };
  readonly gateway: Gateway;
  readonly guestGuard: GuestGuard;
}

/** What of our subgraphs' own paths a gateway in another process answers at its address. It is closed with the process. */
export async function openPassedPaths(
  { lifecycle, identifyClient, logger }: Pick<AegisProcess, 'lifecycle' | 'identifyClient' | 'logger'>,
  { settings, gateway, guestGuard }: OpenPassedPathsOptions,
): Promise<PassedPaths> {
  const { handOverSecret: secret } = settings;
  const passed = createPassedPaths({
    ...{ paths: await listPassedPaths(), gateway, logger, identify: identifyClient },
    signerFor: (subgraph) => (secret === undefined ? undefined : createHandOverSigner({ secret, subgraph })),
    isGuest: (address) => guestGuard.guests.has(address),
    timeoutMs: settings.subgraphTimeoutMs,
    maxResponseBytes: settings.maxSubgraphResponseBytes,
  });
  await lifecycle.start({ name: 'paths of subgraphs', close: () => passed.close() });
  return passed;
}

/** What each subgraph says in its `config.ts`, the only part of it that is loaded here. */
async function listPassedPaths(): Promise<PassedPath[]> {
  const names = await listSubgraphNames();
  const lists = await Promise.all(
    names.map(async (subgraph) => {
      const { passedPaths = [] } = await importFrom<{
        passedPaths?: readonly Omit<PassedPath, 'subgraph'>[];
      }>(subgraph, 'config');
      return passedPaths.map((path) => ({ ...path, subgraph }));
    }),
  );
  return lists.flat();
}
