import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Health, Subgraph, SubgraphDeps } from '../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
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
import { createLiveReadings } from './readings/live-readings.js';
import { readTracks } from './readings/metric-tracks.js';
import { createReadingPipeline } from './readings/reading-pipeline.js';
import { openReadingStream } from './readings/reading-stream.js';
import { createRetention } from './readings/retention.js';
import { createStoredReadings } from './readings/stored-readings.js';
import { createDeviceRegistry } from './registry.js';
import { createResolvers } from './resolvers.js';

const HOUR_MS = 3_600_000;
const PING_DEADLINE_MS = 2_000;

/** Ties the rooms of the subgraph together. */
export function createDevices(deps: SubgraphDeps, values: DevicesSettings): Subgraph<Context> {
  const { database, log, bus, workspaces, logger } = deps;
  const known = createKnownDevices({
    load: (workspace, idOrName) => registry.findKnown(workspace, idOrName),
  });
  const retention = createRetention({
    ...{ database, workspaces, logger },
    retentionMs: values.readingsRetentionHours * HOUR_MS,
  });
  const registry = createDeviceRegistry({
    ...{ database, log },
    onChange: known.forget,
    onRemoved: retention.wake,
  });
  const followers = workspaces.map((workspace) =>
    createDeviceFactFollower({
      ...{ workspace, database, log, bus, logger },
      onFact: (fact) => {
        known.forget(workspace, fact);
      },
    }),
  );
  const live = createLiveReadings({ bus, workspaces, logger });
  const pipeline = createReadingPipeline({ ...deps, ...values, devices: known });
  const mqtt = createMqtt(deps, values, pipeline.ingest);

  const openStream = (workspace: WorkspaceId, options: Parameters<typeof openReadingStream>[1]) =>
    openReadingStream(
      {
        stored: createStoredReadings(database, workspace),
        listen: (listener) => live.listen(workspace, listener),
      },
      options,
    );

  return {
    resolvers: createResolvers({
      registry,
      mutations: createDeviceMutations(registry),
      openStream,
      fuseReadings: createFuseReadings({
        readTracks: (workspace, query) => readTracks(database, workspace, query),
        now: () => new Date(),
      }),
    }),
    createContext: (request) => createContext({ database, registry }, request),
    routes: createHttpIngestion({ ...deps, ...values, ingest: pipeline.ingest }),
    endpoints: () => {
      const url = mqtt.url();
      return url === undefined ? {} : { mqtt: url };
    },
    async start() {
      await live.start();
      for (const follower of followers) await follower.start();
      await pipeline.start();
      retention.start();
      await mqtt.start();
    },
    async close() {
      await mqtt.stopAccepting();
      // Everything that was taken is committed and acknowledged before its connection is closed.
      await pipeline.close();
      await mqtt.close();
      await retention.close();
      for (const follower of followers) await follower.close();
      live.close();
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
