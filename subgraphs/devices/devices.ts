import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Health, Subgraph, SubgraphDeps } from '../../kernel/graphql/subgraph.js';
import { withDeadline } from '../../kernel/lifecycle/lifecycle.js';
import type { DevicesSettings } from './config.js';
import { createContext, type Context } from './context.js';
import { createFuseReadings } from './fusion/fuse-readings.js';
import { createDeviceMutations } from './mutations.js';
import { createEmbeddedMqtt } from './protocols/embedded-mqtt.js';
import { createExternalMqtt } from './protocols/external-mqtt.js';
import { createHttpIngestion } from './protocols/http.js';
import type { Protocol } from './protocols/protocol.js';
import { createDeviceFactFollower } from './readings/device-facts.js';
import type { Ingest } from './readings/ingestion.js';
import { createKnownDevices } from './readings/known-devices.js';
import { readTracks } from './readings/metric-tracks.js';
import { createReadings } from './readings/readings.js';
import { decodeTelemetry } from './readings/telemetry.js';
import { createDeviceRegistry } from './registry.js';
import { createResolvers } from './resolvers.js';

const PING_DEADLINE_MS = 2_000;

/** Ties the rooms of the subgraph together. */
export function createDevices(deps: SubgraphDeps, values: DevicesSettings): Subgraph<Context> {
  const { database, log, bus, workspaces, logger } = deps;
  const known = createKnownDevices({
    load: (workspace, idOrName) => registry.findKnown(workspace, idOrName),
  });
  const readings = createReadings({
    ...deps,
    settings: values,
    devices: known,
    decode: ({ payload }) => decodeTelemetry(payload),
  });
  const registry = createDeviceRegistry({
    ...{ database, log },
    onChange: known.forget,
    onRemoved: readings.onRemoved,
  });
  const followers = workspaces.map((workspace) =>
    createDeviceFactFollower({
      ...{ workspace, database, log, bus, logger },
      onFact: (fact) => {
        known.forget(workspace, fact);
      },
    }),
  );
  const mqtt = createMqtt(deps, values, readings.ingest);

  return {
    resolvers: createResolvers({
      registry,
      mutations: createDeviceMutations(registry),
      openStream: readings.openStream,
      fuseReadings: createFuseReadings({
        readTracks: (workspace, query) => readTracks(database, workspace, query),
        now: () => new Date(),
      }),
    }),
    createContext: (request) => createContext({ database, registry }, request),
    routes: createHttpIngestion({ ...deps, ...values, ingest: readings.ingest }),
    endpoints: () => {
      const url = mqtt.url();
      return url === undefined ? {} : { mqtt: url };
    },
    async start() {
      for (const follower of followers) await follower.start();
      await readings.start();
      await mqtt.start();
    },
    async close() {
      await mqtt.stopAccepting();
      // Everything that was taken is committed and acknowledged before its connection is closed.
      await readings.stopTaking();
      await mqtt.close();
      await readings.close();
      for (const follower of followers) await follower.close();
    },
    health: () => checkHealth(database, mqtt),
  };
}

function createMqtt({ logger, identify }: SubgraphDeps, values: DevicesSettings, ingest: Ingest): Protocol {
  const { mqttUrl: url, mqttClientId: clientId, mqttInFlight: inFlight, maxPayloadBytes } = values;
  if (url !== undefined) {
    return createExternalMqtt({ ingest, logger, url, clientId, inFlight, maxPayloadBytes });
  }
  return createEmbeddedMqtt({
    ...{ ingest, identify, logger, maxPayloadBytes },
    host: values.mqttHost,
    port: values.mqttPort,
    maxConnections: values.mqttMaxConnections,
  });
}

async function checkHealth(database: SubgraphDeps['database'], mqtt: Protocol): Promise<Health> {
  try {
    await withDeadline(database.ping(), PING_DEADLINE_MS, 'asking the database');
  } catch (error) {
    const reason = error instanceof AegisError || error instanceof Error ? error.message : String(error);
    return { state: 'DOWN', reason: `the database does not answer: ${reason}` };
  }
  return mqtt.health();
}
