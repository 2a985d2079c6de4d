import type { Database } from '../../../kernel/database/database.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import { openFactStream, type FactDelivery } from '../../../kernel/events/fact-stream.js';
import type { LiveBus } from '../../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { SchemaChecker } from '../commands/json-schema.js';
import { createUpkeep } from '../commands/upkeep.js';
import type { DevicesSettings } from '../config.js';
import type { Profile } from '../profiles/profile.js';
import type { DeviceMessage } from '../protocols/protocol.js';
import type { StatedDeviceFact } from '../readings/device-facts.js';
import type { KnownDevices } from '../readings/known-devices.js';
import type { Sessions } from '../sessions/session.js';
import { DOCUMENT_BOUNDS } from './check-json.js';
import { createDesiredDelivery } from './desired-delivery.js';
import { createDeviceAnswers } from './device-answers.js';
import { createLiveReadRelay } from './live-read-relay.js';
import { createLiveReads } from './live-reads.js';
import { createReport } from './report.js';
import { createTellEvent } from './tell-event.js';
import { createTwinLoaders, type TwinLoaders } from './twin-loaders.js';
import { DEVICE_EVENT_TYPE } from './storage/twin-reader.js';
import { createTwinStore } from './storage/twin-store.js';
import { createUpdateDesired, type UpdateDesired } from './update-desired.js';

/** Which facts of devices a stream is about. */
export interface TwinStreamOptions {
  readonly deviceIds: readonly string[] | undefined;
  readonly after: string | undefined;
}

export interface DeviceEventStreamOptions extends TwinStreamOptions {
  readonly names: readonly string[] | undefined;
}

/** The twins of devices, and what devices tell beside readings. */
export interface Twins {
  readonly updateDesired: UpdateDesired;
  /** Takes what a device reports of itself; resolves once it is committed. */
  readonly report: (message: DeviceMessage) => Promise<void>;
  /** Takes an event of a device; resolves once it is committed. */
  readonly event: (message: DeviceMessage) => Promise<void>;
  /** To be told of each fact about a device, of this process and of others. */
  onFact(workspace: WorkspaceId, fact: StatedDeviceFact): void;
  /** Errors: BAD_USER_INPUT when `after` is no cursor of this stream. */
  openChanges(workspace: WorkspaceId, options: TwinStreamOptions): AsyncIterableIterator<FactDelivery>;
  openEvents(workspace: WorkspaceId, options: DeviceEventStreamOptions): AsyncIterableIterator<FactDelivery>;
  createLoaders(workspace: WorkspaceId): TwinLoaders;
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface TwinsDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly bus: LiveBus;
  readonly workspaces: readonly WorkspaceId[];
  readonly logger: Logger;
  readonly settings: Pick<DevicesSettings, 'twinHistoryDays'>;
  readonly sessions: Sessions;
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly profileOf: (workspace: WorkspaceId, deviceId: string) => Promise<Profile | undefined>;
  readonly schemas: SchemaChecker;
  readonly now?: () => Date;
}

/** The types of the facts about twins. */
const TWIN_FACTS = ['aegis.device.twin.reported', 'aegis.device.twin.desired'] as const;

const DAY_MS = 86_400_000;
const PRUNE_PERIOD_MS = 600_000;
const PRUNE_CHUNK = 1_000;
/** When more is to be removed than one statement does, the next follows this much later, in milliseconds. */
const PRUNE_PAUSE_MS = 200;

/** Makes the room of twins. */
export function createTwins(deps: TwinsDeps): Twins {
  const { database, log, bus, workspaces, logger, sessions, now = () => new Date() } = deps;
  const maxDocumentBytes = DOCUMENT_BOUNDS.maxBytes;
  const store = createTwinStore({ database, log, now, maxDocumentBytes });
  const delivery = createDesiredDelivery({ store, sessions, logger });
  const isAlone = database.kind === 'embedded';
  const relay = isAlone ? undefined : createLiveReadRelay({ bus, workspaces, logger });
  const liveReads = createLiveReads({ sessions, relay, answers: createDeviceAnswers(deps) });
  const pruning = createUpkeep({
    ...{ workspaces, logger, what: 'remove old changes of twins', periodMs: PRUNE_PERIOD_MS },
    async work(workspace) {
      const before = new Date(now().getTime() - deps.settings.twinHistoryDays * DAY_MS);
      const removed = await store.pruneHistory(workspace, before, PRUNE_CHUNK);
      return removed < PRUNE_CHUNK ? undefined : new Date(Date.now() + PRUNE_PAUSE_MS);
    },
  });

  return {
    updateDesired: createUpdateDesired({ ...deps, store, maxDocumentBytes }),
    report: createReport({ ...deps, store, maxDocumentBytes }),
    event: createTellEvent(deps),
    onFact(workspace, { type, id }) {
      if (type === 'aegis.device.twin.desired') delivery.wake(workspace, id);
    },
    openChanges: (workspace, { deviceIds, after }) =>
      openFactStream(
        { log, bus },
        {
          ...{ workspace, after, kind: 'twn' },
          passes: ({ type, subject }) =>
            TWIN_FACTS.some((one) => one === type) && isAmong(subject, deviceIds),
        },
      ),
    openEvents: (workspace, { deviceIds, names, after }) =>
      openFactStream(
        { log, bus },
        {
          ...{ workspace, after, kind: 'dve' },
          passes: ({ type, subject, data }) =>
            type === DEVICE_EVENT_TYPE &&
            isAmong(subject, deviceIds) &&
            isAmong((data as { readonly name: string }).name, names),
        },
      ),
    createLoaders: (workspace) => createTwinLoaders({ database, liveReads }, workspace),
    async start() {
      await liveReads.start();
      delivery.start();
      pruning.start();
    },
    async close() {
      liveReads.close();
      await delivery.close();
      await pruning.close();
    },
  };
}

function isAmong(value: string | undefined, wanted: readonly string[] | undefined): boolean {
  return wanted === undefined || (value !== undefined && wanted.includes(value));
}
