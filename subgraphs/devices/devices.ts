import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Health, Subgraph, SubgraphDeps } from '../../kernel/graphql/subgraph.js';
import { newId } from '../../kernel/ids/ids.js';
import { withDeadline } from '../../kernel/lifecycle/lifecycle.js';
import { createAlarms } from './alarms/alarms.js';
import { createCommands } from './commands/commands.js';
import { createSchemaChecker } from './commands/json-schema.js';
import type { DevicesSettings } from './config.js';
import { createContexts, type Context } from './context.js';
import { createEndpoints } from './endpoints/endpoints.js';
import { createForwardRoute } from './edge/forward-route.js';
import { createFleet } from './fleet/fleet.js';
import { createSetDesired } from './fleet/rollouts/set-desired.js';
import { checkSelection } from './fleet/selection/selection.js';
import { createFuseReadings } from './fusion/fuse-readings.js';
import { createStandingFusions, type StandingFusionsDeps } from './fusion/standing/standing-fusions.js';
import { createDeviceMutations } from './mutations.js';
import { createCodecs } from './codecs/codecs.js';
import { createClaims } from './claims/claims.js';
import { createCredentialMutations } from './credentials/credential-mutations.js';
import { createIdentity } from './credentials/identity-loaders.js';
import { createCredentials } from './credentials/credentials.js';
import { createValueConversion } from './profiles/convert-value.js';
import { createProfiles } from './profiles/profiles.js';
import { createHttp } from './protocols/http/http.js';
import { createMqtt } from './protocols/mqtt/mqtt.js';
import { createDoors } from './protocols/doors.js';
import { createFieldProtocols } from './protocols/field-protocols.js';
import { openShareDuty } from './protocols/share-duty.js';
import { combineProtocols, type Protocols } from './protocols/protocols.js';
import { changesDevice, createDeviceFactFollower } from './readings/device-facts.js';
import { createKnownDevices } from './readings/known-devices.js';
import { readTracks } from './readings/metric-tracks.js';
import { createOwnRetention } from './readings/own-retention.js';
import { createReadings } from './readings/readings.js';
import { createDeviceRegistry } from './registry.js';
import { createResolvers } from './resolvers.js';
import { createConnectivity } from './sessions/connectivity.js';
import { createConnectivityRegistry } from './sessions/registry.js';
import { createSessions } from './sessions/sessions.js';
import { createTwins } from './twin/twins.js';
import { createUplink } from './uplink.js';

const PING_DEADLINE_MS = 2_000;

/** Ties the rooms of the subgraph together. */
export function createDevices(deps: SubgraphDeps, values: DevicesSettings): Subgraph<Context> {
  const { database, log, bus, workspaces, logger } = deps;
  const known = createKnownDevices({
    load: async (workspace, idOrName) =>
      profiles.complete(workspace, await registry.findKnown(workspace, idOrName)),
  });
  const forget: typeof known.forget = (workspace, device) => {
    known.forget(workspace, device);
    profiles.lookups.forget(workspace, device);
  };
  // The registry is made after what it tells of its changes.
  const profiles = createProfiles({ database, log, devices: () => registry });
  const codecs = createCodecs({ logger });
  const readings = createReadings({
    ...deps,
    settings: values,
    devices: known,
    decode: codecs.decode,
    convert: createValueConversion(profiles.units),
    ownRetention: createOwnRetention(database, (workspace, pins) => profiles.lookups.find(workspace, pins)),
  });
  const registry = createDeviceRegistry({
    ...{ database, log },
    onChange: forget,
    onRemoved: readings.onRemoved,
  });
  const fleet = createFleet({
    ...{ ...deps, registry, onChange: forget },
    ...{ profiles: profiles.lookups, units: profiles.units },
    setDesired: createSetDesired((...change) => twins.updateDesired(...change)),
  });
  const endpoints = createEndpoints({ database, log, onChange: forget });
  const followers = workspaces.map((workspace) =>
    createDeviceFactFollower({
      ...{ workspace, database, log, bus, logger },
      onFact: (fact) => {
        if (changesDevice(fact)) {
          forget(workspace, fact);
          endpoints.forget(workspace, fact);
        }
        credentials.onFact(workspace, fact);
        twins.onFact(workspace, fact);
        commands.onFact(workspace, fact);
        alarms.onFact(workspace, fact);
      },
    }),
  );
  const connectivity = createConnectivity({
    ...{ workspaces, logger },
    registry: createConnectivityRegistry(database, log),
    holder: newId('prc'),
    alone: database.kind === 'embedded',
    silentMs: values.seenWithinSeconds * 1_000,
  });
  const sessions = createSessions({ presence: connectivity, logger });
  const credentials = createCredentials({ ...deps, sessions });
  const downlink = {
    ...{ ...deps, settings: values, sessions, devices: known, schemas: createSchemaChecker() },
    profileOf: profiles.lookups.ofDevice,
  };
  const twins = createTwins(downlink);
  const commands = createCommands(downlink);
  const fusing: Pick<StandingFusionsDeps, 'profilesOf' | 'readTracks' | 'units'> = {
    readTracks: (workspace, query) => readTracks(database, workspace, query),
    units: profiles.units,
    profilesOf: profiles.lookups.ofDevices,
  };
  const standingFusions = createStandingFusions({
    ...{ ...deps, ...fusing, openSource: readings.openSource },
    select: (workspace, selection, limit) =>
      fleet.selections.findSelected(workspace, checkSelection(selection), { limit }),
  });
  const alarms = createAlarms({
    ...{ ...deps, settings: values, openSource: readings.openSource },
    selects: (workspace, selection, deviceIds) =>
      fleet.selections.selects(workspace, checkSelection(selection), deviceIds),
    findProfileAlarms: async (workspace, name, version) =>
      (await profiles.lookups.get(workspace, { name, version }))?.alarms ?? [],
  });
  const identity = createIdentity({ credentials: credentials.registry, connectivity });
  const claims = createClaims({
    ...{ database, log, workspaces, credentials, profiles: profiles.lookups, units: profiles.units },
    devices: registry,
  });
  const uplink = createUplink({
    ...{ devices: known, sessions, workspaces, ingest: readings.ingest },
    report: twins.report,
    answer: commands.answer,
    event: twins.event,
    claim: claims.claim,
  });
  const doors = createDoors({ ...readings, uplink, sessions, admit: credentials.admit });
  const http = doors.add('HTTP', (metered) =>
    createHttp({ ...metered, logger, devices: known, maxPayloadBytes: values.maxPayloadBytes }),
  );
  const field = createFieldProtocols({
    ...{ ...deps, doors, endpoints, devices: known, settings: values },
    profileOf: profiles.lookups.ofDevice,
  });
  const protocols = combineProtocols([
    http,
    doors.add('MQTT', (metered) =>
      createMqtt({
        ...metered,
        ...{ logger, workspaces, devices: known, topics: deps.topics, settings: values },
        shareDuty: openShareDuty({ database, logger, name: 'sparkplug' }),
        maxPayloadBytes: values.maxPayloadBytes,
      }),
    ),
    ...field.protocols,
  ]);

  return {
    resolvers: createResolvers({
      ...fleet,
      ...{ claims, credentialMutations: createCredentialMutations(credentials.registry) },
      mutations: createDeviceMutations({ registry, units: profiles.units, profiles: profiles.lookups }),
      ...readings,
      ...{ profiles, twins, commands, alarms },
      ...{ doors, endpoints, findDiscovered: field.findDiscovered },
      fuseReadings: createFuseReadings({ ...fusing, now: () => new Date() }),
      standingFusions,
    }),
    createContext: createContexts({
      database,
      registry,
      fleet,
      identity,
      locations: endpoints,
      profiles: profiles.lookups,
      twins,
      commands,
      alarms,
    }),
    routes: (server) => {
      http.routes(server);
      createForwardRoute({ ...deps, ...values, ingest: uplink.telemetry })(server);
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
