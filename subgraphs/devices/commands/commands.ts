import type { Database } from '../../../kernel/database/database.js';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { encodeCursor } from '../../../kernel/events/cursor.js';
import type { EventLog } from '../../../kernel/events/event-log.js';
import { openFactStream, type FactDelivery } from '../../../kernel/events/fact-stream.js';
import type { LiveBus } from '../../../kernel/events/live-bus.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Logger } from '../../../kernel/telemetry/logger.js';
import type { DevicesSettings } from '../config.js';
import type { Profile } from '../profiles/profile.js';
import type { Uplink } from '../protocols/protocol.js';
import type { StatedDeviceFact } from '../readings/device-facts.js';
import type { KnownDevices } from '../readings/known-devices.js';
import type { Sessions } from '../sessions/session.js';
import { findSender } from '../twin/device-message.js';
import { decodeAnswer, findOutputNote } from './check-answer.js';
import { createCommandDelivery } from './command-delivery.js';
import { readMove } from './command-facts.js';
import { createCommandLoaders, type CommandLoaders } from './command-loaders.js';
import { createCommandOutcomes, type CommandOutcomes } from './storage/command-outcomes.js';
import { createCommandQueue } from './storage/command-queue.js';
import { findCommands } from './storage/command-reader.js';
import { isFinal } from './command-states.js';
import type { SchemaChecker } from './json-schema.js';
import type { DeviceCommandModel } from './models.js';
import {
  createCancelCommand,
  createSendCommand,
  type CancelCommand,
  type SendCommand,
} from './send-command.js';
import { createUpkeep } from './upkeep.js';

export interface CommandStreamOptions {
  readonly deviceIds: readonly string[] | undefined;
  readonly after: string | undefined;
}

/** What devices are told to do. */
export interface Commands {
  readonly send: SendCommand;
  readonly cancel: CancelCommand;
  /** Takes a device's answer to a command; resolves once it is committed. */
  readonly answer: Uplink['answer'];
  /** To be told of each fact about a command, of this process and of others. */
  onFact(workspace: WorkspaceId, fact: StatedDeviceFact): void;
  /** The command as it is, and after each move; ends with its last state. Errors: NOT_FOUND. */
  openProgress(workspace: WorkspaceId, id: string): AsyncGenerator<DeviceCommandModel, void, void>;
  /** Errors: BAD_USER_INPUT when `after` is no cursor of this stream. */
  openMoves(workspace: WorkspaceId, options: CommandStreamOptions): AsyncIterableIterator<FactDelivery>;
  createLoaders(workspace: WorkspaceId): CommandLoaders;
  start(): Promise<void>;
  close(): Promise<void>;
}

export interface CommandsDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly bus: LiveBus;
  readonly workspaces: readonly WorkspaceId[];
  readonly logger: Logger;
  readonly settings: Pick<DevicesSettings, 'maxQueuedCommands' | 'commandsRetentionDays'>;
  readonly sessions: Sessions;
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly profileOf: (workspace: WorkspaceId, deviceId: string) => Promise<Profile | undefined>;
  readonly schemas: SchemaChecker;
  readonly now?: () => Date;
}

const DAY_MS = 86_400_000;
/** How often it is looked whether another process has left commands to expire, in milliseconds. */
const EXPIRY_PERIOD_MS = 30_000;
const EXPIRY_CHUNK = 100;
const PRUNE_PERIOD_MS = 600_000;
const PRUNE_CHUNK = 1_000;
/** When more is to be removed than one statement does, the next follows this much later, in milliseconds. */
const PRUNE_PAUSE_MS = 200;

/** Makes the room of commands. */
export function createCommands(deps: CommandsDeps): Commands {
  const { database, log, bus, workspaces, logger, sessions, settings, now = () => new Date() } = deps;
  const queue = createCommandQueue({ database, log, now, maxQueued: settings.maxQueuedCommands });
  const outcomes = createCommandOutcomes({ database, log, now });
  const delivery = createCommandDelivery({ queue, sessions, logger, now });
  const expiry = createUpkeep({
    ...{ workspaces, logger, what: 'expire commands', periodMs: EXPIRY_PERIOD_MS },
    now: () => now().getTime(),
    async work(workspace) {
      await outcomes.expire(workspace, EXPIRY_CHUNK);
      return outcomes.nextExpiry(workspace);
    },
  });
  const pruning = createUpkeep({
    ...{ workspaces, logger, what: 'remove old commands', periodMs: PRUNE_PERIOD_MS },
    async work(workspace) {
      const before = new Date(now().getTime() - settings.commandsRetentionDays * DAY_MS);
      const removed = await outcomes.prune(workspace, before, PRUNE_CHUNK);
      return removed < PRUNE_CHUNK ? undefined : new Date(Date.now() + PRUNE_PAUSE_MS);
    },
  });

  return {
    send: createSendCommand({ ...deps, queue, maxQueued: settings.maxQueuedCommands }),
    cancel: createCancelCommand(outcomes),
    answer: createAnswer(deps, outcomes),
    onFact(workspace, { type, id, data }) {
      const move = readMove({ type, subject: id, data, time: now() });
      if (move?.state !== 'QUEUED') return;
      expiry.wakeAt(move.expiresAt);
      delivery.wake(workspace, move.deviceId);
    },
    openProgress: (workspace, id) => followCommand(deps, workspace, id),
    openMoves: (workspace, { deviceIds, after }) =>
      openFactStream(
        { log, bus },
        {
          ...{ workspace, after, kind: 'cmm' },
          passes: (event) => {
            const move = readMove(event);
            return move !== undefined && (deviceIds === undefined || deviceIds.includes(move.deviceId));
          },
        },
      ),
    createLoaders: (workspace) => createCommandLoaders(database, workspace),
    async start() {
      if (database.kind === 'embedded')
        for (const workspace of workspaces) await queue.releaseLeases(workspace);
      delivery.start();
      expiry.start();
      pruning.start();
    },
    async close() {
      await delivery.close();
      await expiry.close();
      await pruning.close();
    },
  };
}

function createAnswer(
  { database, devices, profileOf, schemas }: CommandsDeps,
  outcomes: CommandOutcomes,
): Uplink['answer'] {
  return async (message) => {
    const { workspace, commandId: id } = message;
    const sent = decodeAnswer(message.payload);
    const { id: deviceId } = await findSender(devices, message, 'answer');
    const [command] = await findCommands(database, workspace, [id]);
    const profile = sent.state === 'EXECUTED' ? await profileOf(workspace, deviceId) : undefined;
    const action = profile?.actions.find(({ name }) => name === command?.action);
    const note = findOutputNote(sent, action?.output ?? null, schemas);
    if (await outcomes.answer(workspace, { ...sent, id, deviceId, note })) return;
    throw new AegisError(
      'NOT_FOUND',
      `answer: this device was given no command ${JSON.stringify(id.slice(0, 64))}; answer with the id that the command came with.`,
    );
  };
}

async function* followCommand(
  { database, log, bus }: CommandsDeps,
  workspace: WorkspaceId,
  id: string,
): AsyncGenerator<DeviceCommandModel, void, void> {
  // From before the command is first read, so that no move falls between the two.
  const { newest } = await log.ends(workspace);
  const moves = openFactStream(
    { log, bus },
    { workspace, kind: 'cmp', after: encodeCursor('cmp', newest), passes: ({ subject }) => subject === id },
  );
  try {
    let last: string | undefined;
    for (;;) {
      const [command] = await findCommands(database, workspace, [id]);
      if (!command && last === undefined) throw unknownCommand(id);
      if (!command) return;
      if (command.state !== last) yield command;
      last = command.state;
      if (isFinal(command.state) || (await moves.next()).done === true) return;
    }
  } finally {
    await moves.return?.();
  }
}

function unknownCommand(id: string): AegisError {
  return new AegisError('NOT_FOUND', `id: there is no command ${JSON.stringify(id.slice(0, 64))}.`);
}
