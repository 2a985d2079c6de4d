import type { Database } from '../../../../kernel/database/database.js';
import { createEventLog, type CloudEvent, type EventLog } from '../../../../kernel/events/event-log.js';
import { createInProcessLiveBus } from '../../../../kernel/events/in-process-live-bus.js';
import type { LiveBus } from '../../../../kernel/events/live-bus.js';
import { newId } from '../../../../kernel/ids/ids.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { createLogger } from '../../../../kernel/telemetry/logger.js';
import { createCommands, type Commands } from '../../../../subgraphs/devices/commands/commands.js';
import { createSchemaChecker } from '../../../../subgraphs/devices/commands/json-schema.js';
import type { Profile } from '../../../../subgraphs/devices/profiles/profile.js';
import { createDeviceFactFollower } from '../../../../subgraphs/devices/readings/device-facts.js';
import type { Delivery, DeviceSession, Downlink } from '../../../../subgraphs/devices/sessions/session.js';
import { createSessions } from '../../../../subgraphs/devices/sessions/sessions.js';
import { createTwins, type Twins } from '../../../../subgraphs/devices/twin/twins.js';
import { newWorkspace } from './open-devices.js';

/** A device as the outside: what it was sent, and its end of the connection. */
export interface ConnectedDevice {
  readonly received: readonly Downlink[];
  disconnect(): void;
}

/** How a device takes what it is sent; it acknowledges everything when left out. */
export type Take = (downlink: Downlink) => Promise<Delivery>;

/** One process with the rooms that talk to devices. */
export interface TestDownlink {
  readonly workspace: WorkspaceId;
  readonly twins: Twins;
  readonly commands: Commands;
  readonly log: EventLog;
  readonly bus: LiveBus;
  /** On whose behalf mutations are made. */
  readonly request: Parameters<Commands['send']>[1];
  /** Adds a device and gives its id; its profile is the test's. */
  addDevice(): Promise<string>;
  connect(deviceId: string, take?: Take, read?: DeviceSession['read']): ConnectedDevice;
  report(deviceId: string, patch: unknown): Promise<void>;
  answer(deviceId: string, commandId: string, answer: unknown): Promise<void>;
  tell(deviceId: string, event: unknown): Promise<void>;
  facts(subject: string): Promise<readonly CloudEvent[]>;
  /** Ends it as a process that is killed: what it had begun stays as it was. */
  kill(): void;
  close(): Promise<void>;
}

export interface OpenDownlinkOptions {
  readonly database: Database;
  readonly workspace?: WorkspaceId;
  readonly bus?: LiveBus;
  readonly profile?: Profile | undefined;
  readonly now?: () => Date;
  readonly maxQueuedCommands?: number;
  readonly twinHistoryDays?: number;
}

/** Opens the rooms on a database that they may share with others. */
export async function openDownlink(options: OpenDownlinkOptions): Promise<TestDownlink> {
  const { database, workspace = newWorkspace(), bus = createInProcessLiveBus(), profile } = options;
  const log = createEventLog({ database, bus });
  const logger = createLogger({ level: 'silent', pretty: false });
  const presence = { connected: () => undefined, gone: () => undefined, heard: () => undefined };
  const sessions = createSessions({ presence, logger });
  const devices = {
    find: async (_workspace: WorkspaceId, id: string) => {
      const row = await database.inWorkspace(workspace).client.device.findFirst({ where: { id } });
      return row ? { id, name: row.name, metrics: new Map<never, never>(), codec: undefined } : undefined;
    },
  };
  const deps = {
    ...{ database, log, bus, logger, sessions, devices, workspaces: [workspace] },
    settings: {
      maxQueuedCommands: options.maxQueuedCommands ?? 1_000,
      commandsRetentionDays: 90,
      twinHistoryDays: options.twinHistoryDays ?? 90,
    },
    profileOf: () => Promise.resolve(profile),
    schemas: createSchemaChecker(),
    ...(options.now ? { now: options.now } : {}),
  };
  const twins = createTwins(deps as never);
  const commands = createCommands(deps as never);
  const follower = createDeviceFactFollower({
    ...{ workspace, database, log, bus, logger },
    onFact(fact) {
      twins.onFact(workspace, fact);
      commands.onFact(workspace, fact);
    },
  });
  await follower.start();
  await twins.start();
  await commands.start();
  const toPayload = (message: unknown) => new TextEncoder().encode(JSON.stringify(message));
  let killed = false;

  return {
    ...{ workspace, twins, commands, log, bus },
    request: {
      principal: { subject: 'tester', workspace, roles: [], scopes: [] } as never,
      trace: { traceId: '1'.repeat(32), traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` },
    },
    async addDevice() {
      const id = newId('dev');
      await database
        .inWorkspace(workspace)
        .client.device.create({ data: { workspaceId: workspace, id, name: id.slice(4) } });
      return id;
    },
    connect(deviceId, take = () => Promise.resolve('DELIVERED'), read) {
      const received: Downlink[] = [];
      const open = sessions.open({
        ...{ workspace, deviceId, protocol: 'MQTT', read },
        async send(downlink) {
          if (killed) return new Promise<never>(() => undefined);
          received.push(downlink);
          return take(downlink);
        },
        end: () => undefined,
      });
      return {
        received,
        disconnect: () => {
          open.close('the device left', 'closed');
        },
      };
    },
    report: (device, patch) => twins.report({ workspace, device, payload: toPayload(patch) }),
    answer: (device, commandId, answer) =>
      commands.answer({ workspace, device, commandId, payload: toPayload(answer) }),
    tell: (device, event) => twins.event({ workspace, device, payload: toPayload(event) }),
    async facts(subject) {
      const events = await log.readAfter(workspace, 0n, 1_000);
      return events.filter((event) => event.subject === subject);
    },
    kill() {
      killed = true;
    },
    async close() {
      await commands.close();
      await twins.close();
      await follower.close();
    },
  };
}

/** A profile of a dimmable lamp with two actions, an event and a writable property. */
export const LAMP: Profile = {
  ...{ name: 'lamp', version: 1, title: 'Lamp', description: null },
  properties: [
    property('level', { type: 'INTEGER', unit: '%', minimum: 0, maximum: 100, writable: true }),
    property('power', { unit: 'W' }),
    property('mode', { type: 'STATE', states: ['DAY', 'NIGHT'], writable: true }),
    property('on', { type: 'BOOLEAN', writable: true }),
  ],
  actions: [
    {
      ...{ name: 'blink', description: null, timeoutSeconds: 60, payload: 'envelope' },
      input: {
        type: 'object',
        properties: { times: { type: 'integer', minimum: 1 }, colour: { enum: ['RED', 'BLUE'] } },
        required: ['times'],
        additionalProperties: false,
      },
      output: { type: 'object', properties: { blinked: { type: 'integer' } }, required: ['blinked'] },
    },
    {
      ...{
        name: 'reset',
        description: null,
        timeoutSeconds: 60,
        payload: 'input',
        input: null,
        output: null,
      },
    },
  ],
  events: [
    {
      ...{ name: 'overheated', description: null },
      data: { type: 'object', properties: { celsius: { type: 'number' } }, required: ['celsius'] },
    },
  ],
  codec: { kind: 'JSON' },
  ...{ fusion: {}, alarms: [], retentionHours: null, bluetooth: null, coap: null },
};

function property(name: string, more: Partial<Profile['properties'][number]>): Profile['properties'][number] {
  return {
    ...{ name, description: null, type: 'NUMBER', unit: '1', minimum: null, maximum: null, resolution: null },
    ...{ states: [], calibration: { gain: 1, offset: 0 }, writable: false },
    ...more,
  };
}
