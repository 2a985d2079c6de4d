import { decodeCursor, encodeCursor } from '../../../kernel/events/cursor.js';
import type { FactDelivery } from '../../../kernel/events/fact-stream.js';
import { checkPageSize, toConnection } from '../../../kernel/graphql/connection.js';
import { interruptible } from '../../../kernel/streams/interruptible.js';
import { checkDeviceIds } from '../check-device-ids.js';
import { readMove } from '../commands/command-facts.js';
import type { Commands } from '../commands/commands.js';
import type { DeviceCommandModel } from '../commands/models.js';
import type { Context } from '../context.js';
import type { DeviceCommandsArgs, Resolvers } from '../generated/schema-types.js';

/** Names the places of lists of commands. */
const LIST_CURSOR = 'cml';

/** Fields of commands. */
export function createCommandResolvers({ send, cancel, openProgress, openMoves }: Commands) {
  return {
    Query: {
      command: async (_parent, { id }, { commands }) => (await commands.load(id)) ?? null,
    },
    Mutation: {
      sendCommand: (_parent, { input }, context) => send(input, context),
      cancelCommand: (_parent, { input }, context) => cancel(input, context),
    },
    Subscription: {
      commandProgress: {
        subscribe: (_parent, { id }, { principal }) => interruptible(openProgress(principal.workspace, id)),
        resolve: (command: DeviceCommandModel) => command,
      },
      deviceCommands: {
        subscribe: async (_parent, { deviceIds, after }, context) =>
          openMoves(context.principal.workspace, {
            deviceIds: await checkDeviceIds(deviceIds, context),
            after: after ?? undefined,
          }),
        resolve: readMoveFact,
      },
    },
    Device: {
      commands: ({ id }, args, context) => listCommands(id, args, context),
    },
    DeviceCommand: {
      device: async ({ deviceId }, _args, { devices }) => (await devices.load(deviceId)) ?? null,
    },
    DeviceCommandEvent: {
      command: async ({ commandId }, _args, { commands }) => (await commands.load(commandId)) ?? null,
    },
  } satisfies Resolvers;
}

async function listCommands(
  deviceId: string,
  { first: wanted, after, states }: DeviceCommandsArgs,
  { deviceCommands }: Context,
) {
  const first = checkPageSize(wanted ?? 20);
  const rows = await deviceCommands.load({
    ...{ deviceId, limit: first + 1, states: states ?? undefined },
    behind: after == null ? undefined : decodeCursor(LIST_CURSOR, after),
  });
  return toConnection(rows, {
    ...{ first, after: after != null },
    cursorOf: ({ sequence }) => encodeCursor(LIST_CURSOR, sequence),
  });
}

function readMoveFact({ cursor, gap, event }: FactDelivery) {
  const move = readMove(event);
  if (!move) throw new Error(`expected a move of a command, got ${event.type}`);
  return { cursor, gap, state: move.state, at: move.at, commandId: move.id };
}
