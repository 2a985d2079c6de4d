import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Health, Subgraph, SubgraphDeps } from '../../kernel/graphql/subgraph.js';
import { withDeadline } from '../../kernel/lifecycle/lifecycle.js';
import type { DevicesSettings } from './config.js';
import { createContexts, type Context } from './context.js';
import { createForwardRoute } from './edge/forward-route.js';
import { createDeviceMutations } from './mutations.js';
import { createCredentialMutations } from './credentials/credential-mutations.js';
import type { Protocols } from './protocols/protocols.js';
import { changesDevice, createDeviceFactFollower } from './readings/device-facts.js';
import { createResolvers } from './resolvers.js';

import { createConversation } from './rooms/conversation.js';
import { createEntrance } from './rooms/entrance.js';
import { createInventory } from './rooms/inventory.js';
import { createWatch } from './rooms/watch.js';

const PING_DEADLINE_MS = 2_000;

/** Ties the rooms of the subgraph together. */
export function createDevices(deps: SubgraphDeps, settings: DevicesSettings): Subgraph<Context> {
  const { database, log, bus, workspaces, logger } = deps;
  const inventory = createInventory({
    ...{ ...deps, settings },
    // Twins are made after the devices that they are of.
    updateDesired: (...change) => conversation.twins.updateDesired(...change),
  });
  const { forget, profiles, codecs, readings, registry, fleet, endpoints } = inventory;
  const conversation = createConversation({ ...deps, settings, inventory });
  const { connectivity, credentials, twins, commands, identity } = conversation;
  const { standingFusions, alarms, fuseReadings } = createWatch({ ...deps, settings, inventory });
  const entrance = createEntrance({ ...deps, settings, inventory, conversation });
  const { claims, uplink, doors, http, field, protocols } = entrance;
  const followers = workspaces.map((workspace) =>
    createDeviceFactFollower({
      ...{ workspace, database, log, bus, logger },
      onFact: (fact) => {
        if (changesDevice(fact)) {
          forget(workspace, fact);
          endpoints.forget(workspace, fact);
        }
        for (const one of [credentials, twins, commands, alarms]) one.onFact(workspace, fact);
      },
    }),
  );

  return {
    resolvers: createResolvers({
      ...fleet,
      ...{ claims, credentialMutations: createCredentialMutations(credentials.registry) },
      mutations: createDeviceMutations({ registry, units: profiles.units, profiles: profiles.lookups }),
      ...readings,
      ...{ profiles, twins, commands, alarms, standingFusions, fuseReadings },
      ...{ doors, endpoints, findDiscovered: field.findDiscovered },
    }),
    createContext: createContexts({
      ...{ database, registry, fleet, identity, twins, commands, alarms },
      locations: endpoints,
      profiles: profiles.lookups,
    }),
    routes: (server) => {
      http.routes(server);
      createForwardRoute({ ...deps, ...settings, ingest: uplink.telemetry })(server);
    },
    endpoints: () => protocols.endpoints(),
    async start() {
      await profiles.start();
      for (const follower of followers) await follower.start();
      await readings.start();
      await connectivity.start();
      credentials.start();
      await twins.start();
      await commands.start();
      await fleet.start();
      alarms.start();
      standingFusions.start();
      await protocols.start();
    },
    async close() {
      await protocols.stopAccepting();
      // Everything that was taken is committed and acknowledged before its connection is closed.
      await readings.stopTaking();
      await codecs.close();
      await fleet.close();
      await alarms.close();
      await standingFusions.close();
      await commands.close();
      await twins.close();
      await protocols.close();
      await credentials.close();
      await connectivity.close();
      await readings.close();
      for (const follower of followers) await follower.close();
    },
    health: () => checkHealth(database, protocols),
  };
}

async function checkHealth(database: SubgraphDeps['database'], protocols: Protocols): Promise<Health> {
  try {
    await withDeadline(database.ping(), PING_DEADLINE_MS, 'asking the database');
  } catch (error) {
    const reason = error instanceof AegisError || error instanceof Error ? error.message : String(error);
    return { state: 'DOWN', reason: `the database does not answer: ${reason}` };
  }
  return protocols.health();
}
