import { createEdgeBroker } from '../../subgraphs/devices/edge.js';
import type { Part } from '../../kernel/lifecycle/lifecycle.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import type { CommandRun } from '../commands/command.js';
import { createEdgeIdentify } from '../edge/device-keys.js';
import { openDeadLetters } from '../edge/dead-letters.js';
import { createEdgeMetrics } from '../edge/edge-metrics.js';
import type { edgeProcessSettings, EdgeProcessSettings } from '../edge/edge-process-settings.js';
import { createForwarder } from '../edge/forwarder.js';
import { openHttpDoor } from '../edge/http-door.js';
import { createHubClient } from '../edge/hub-client.js';
import { replayDeadLetters, takeDeadLetters } from '../edge/replay-dead-letters.js';
import { openMessageLog, type MessageLog, type NewMessage } from '../edge/message-log.js';
import { lockDataFolder } from '../data-folder-lock.js';
import { openProcess, stopOnSignals, type AegisProcess } from '../process.js';

/** How many clients the broker of an edge serves at once. */
const MAX_CONNECTIONS = 1_000;
/** How long an MQTT acknowledgement waits for room on the disk, in milliseconds. */
const ROOM_TIMEOUT_MS = 60_000;
const MEBIBYTE = 1_048_576;

/** Runs beside devices, keeps what they send, and hands it on, until it is told to stop. */
export async function runEdge({ settings, line }: CommandRun<typeof edgeProcessSettings>): Promise<void> {
  const keys = settings.deviceKeys.map(({ key }) => key);
  const aegis = openProcess({ ...settings, apiKeys: [...settings.apiKeys, ...keys] }, settings.host);
  stopOnSignals(aegis);
  try {
    await serve(aegis, settings, line.flags['replay-dead-letters'] === true);
  } catch (error) {
    await aegis.lifecycle.close();
    throw error;
  }
}

async function serve(aegis: AegisProcess, settings: EdgeProcessSettings, replay: boolean): Promise<void> {
  const { lifecycle, logger, metrics: registry } = aegis;
  const identify = createEdgeIdentify(aegis.identify, settings.deviceKeys);
  const { folder, host, maxPayloadBytes } = settings;
  const lock = await lockDataFolder(folder);
  await lifecycle.start({ name: 'lock of the folder', close: lock });
  const log = await openMessageLog({ folder, maxBytes: settings.maxDiskMegabytes * MEBIBYTE, logger });
  await lifecycle.start({ name: 'log', close: () => log.close() });
  const refused = await takeDeadLetters(folder, replay);
  const deadLetters = await openDeadLetters({ folder });
  await lifecycle.start({ name: 'dead letters', close: () => deadLetters.close() });
  const metrics = createEdgeMetrics(registry, log);
  const hub = createHubClient({ hubUrl: settings.hubUrl, apiKey: settings.hubKey });
  const forwarder = createForwarder({ log, hub, deadLetters, metrics, logger });
  await lifecycle.start({
    name: 'forwarder',
    start() {
      forwarder.start();
      return Promise.resolve();
    },
    close: () => forwarder.close(),
  });
  await lifecycle.start(createReplay(log, refused, logger));
  const keep = async (message: NewMessage) => {
    await log.append(message);
    metrics.taken.inc();
  };
  const broker = createEdgeBroker({
    ...{ host, identify, logger, maxPayloadBytes },
    port: settings.mqttPort,
    maxConnections: MAX_CONNECTIONS,
    keep: (telemetry) => keepWhenRoom(log, () => keep({ ...telemetry, contentType: undefined })),
  });
  await lifecycle.start({ name: 'MQTT broker', start: () => broker.start(), close: () => broker.close() });
  const door = await openHttpDoor({
    ...{ host, port: settings.port, keep, identify, logger, maxPayloadBytes },
    metrics: registry,
    status: () => ({ hub: forwarder.hub(), log: log.use() }),
  });
  await lifecycle.start({ name: 'HTTP', close: () => door.close() });
  logger.info(
    { url: door.url, mqtt: broker.url(), hub: settings.hubUrl, data: folder },
    `the edge takes telemetry at ${door.url} and hands it on to ${settings.hubUrl}`,
  );
}

/** The replay of dead letters as a part of the process: it goes on beside what devices send. */
function createReplay(log: MessageLog, paths: readonly string[], logger: Logger): Part {
  const stopping = new AbortController();
  let work: Promise<void> = Promise.resolve();
  return {
    name: 'replay of dead letters',
    start() {
      work = replayDeadLetters({
        ...{ paths, logger, signal: stopping.signal },
        keep: (message) => log.append(message),
        waitForRoom: (timeoutMs) => log.waitForRoom(timeoutMs),
      }).catch((error: unknown) => {
        logger.error({ err: error }, 'could not hand on dead letters; the next start goes on with them');
      });
      return Promise.resolve();
    },
    async close() {
      stopping.abort();
      await work;
    },
  };
}

/** MQTT 3.1.1 knows no refusal that passes: the acknowledgement waits for room instead. */
async function keepWhenRoom(log: MessageLog, keep: () => Promise<void>): Promise<void> {
  await log.waitForRoom(ROOM_TIMEOUT_MS);
  await keep();
}
