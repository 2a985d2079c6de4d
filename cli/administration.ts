import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { openAdminEndpoint } from '../gateway/admin/admin-endpoint.js';
import { createAdminSchema } from '../gateway/admin/admin-schema.js';
import { createCacheResolvers } from '../gateway/admin/cache-resolvers.js';
import { createRegistrationResolvers } from '../gateway/admin/registration-resolvers.js';
import { createUsageResolvers } from '../gateway/admin/usage-resolvers.js';
import type { Caching } from '../gateway/caching/caching.js';
import type { GatewaySettings } from '../gateway/config.js';
import type { Gateway } from '../gateway/gateway.js';
import type { Planning } from '../gateway/planning/planning.js';
import { fetchSubgraphSdl } from '../gateway/registration/fetch-subgraph-sdl.js';
import { createRegisteredFile } from '../gateway/registration/registered-file.js';
import { createSubgraphRegistry, type SubgraphRegistry } from '../gateway/registration/subgraph-registry.js';
import { loadTypeDefs } from '../kernel/graphql/load-type-defs.js';
import type { GuestGuard } from './guest-guard.js';
import type { AegisProcess } from './process.js';

export interface AdministrationOptions {
  readonly settings: GatewaySettings;
  readonly gateway: Gateway;
  readonly planning: Planning;
  /** What the gateway keeps of answers. */
  readonly caching: Caching | undefined;
  /** The supergraph that the gateway began with. */
  readonly baseSdl: string;
  /** Where registered subgraphs are kept; undefined keeps them as long as the process runs. */
  readonly registeredFile: string | undefined;
  /** Decides where registered subgraphs may be. */
  readonly guestGuard: GuestGuard;
  /** The folder of Aegis. */
  readonly root: string;
}

/** What operators of a gateway can do while it runs. */
export interface Administration {
  readonly registry: SubgraphRegistry;
  /** Serves it at `/admin/graphql`. */
  readonly route: (server: FastifyInstance) => void;
}

/** Opens it, and takes the subgraphs that were registered before. It is closed with the process. */
export async function openAdministration(
  { logger, lifecycle, identifyClient }: Pick<AegisProcess, 'logger' | 'lifecycle' | 'identifyClient'>,
  options: AdministrationOptions,
): Promise<Administration> {
  const { settings, gateway, registeredFile } = options;
  const { guard, guests } = options.guestGuard;
  const registry = createSubgraphRegistry({
    ...options,
    file: registeredFile === undefined ? undefined : createRegisteredFile(registeredFile),
    checkAddress: (url) => guard.check(url),
    mayBeAt: (url) => guard.allows(url),
    fetchSdl: (url) =>
      fetchSubgraphSdl(url, {
        guard,
        timeoutMs: settings.subgraphTimeoutMs,
        maxBytes: settings.maxSubgraphResponseBytes,
      }),
    guests,
    logger,
  });
  await registry.start();
  const endpoint = await openAdminEndpoint({
    schema: createAdminSchema(await loadTypeDefs(join(options.root, 'schema'), 'admin'), [
      createRegistrationResolvers({ gateway, registry }),
      createUsageResolvers(gateway),
      createCacheResolvers(options.caching?.invalidation),
    ]),
    identify: identifyClient,
    logger,
  });
  await lifecycle.start({ name: 'administration', close: () => endpoint.close() });
  return { registry, route: endpoint.route };
}
