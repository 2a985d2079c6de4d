import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { decodeCursor, encodeCursor } from '../../../kernel/events/cursor.js';
import type { FactDelivery } from '../../../kernel/events/fact-stream.js';
import { checkPageSize, toConnection } from '../../../kernel/graphql/connection.js';
import { checkDeviceIds, checkFilterSize } from '../check-device-ids.js';
import type { Context } from '../context.js';
import type {
  DeviceEventsArgs,
  DeviceTwinArgs,
  DeviceTwinHistoryArgs,
  Resolvers,
} from '../generated/schema-types.js';
import { findDelta } from '../twin/merge-patch.js';
import type { DeviceTwinModel, TwinSide } from '../twin/models.js';
import { readFreshly } from '../twin/read-freshly.js';
import { MAX_UNDONE, readDeviceEvent } from '../twin/storage/twin-reader.js';
import type { Twins } from '../twin/twins.js';

/** Name the places of lists: one is no place in the other. */
const HISTORY_CURSOR = 'twh';
const EVENTS_CURSOR = 'dvl';
const MAX_NAMES = 100;

/** Fields of twins, of live reads and of the events of devices. */
export function createTwinResolvers({ updateDesired, openChanges, openEvents }: Twins) {
  return {
    Mutation: {
      updateDesired: (_parent, { input }, context) => updateDesired(input, context),
    },
    Subscription: {
      deviceTwins: {
        subscribe: async (_parent, { deviceIds, after }, context) =>
          openChanges(context.principal.workspace, {
            deviceIds: await checkDeviceIds(deviceIds, context),
            after: after ?? undefined,
          }),
        resolve: readTwinFact,
      },
      deviceEvents: {
        subscribe: async (_parent, { deviceIds, names, after }, context) => {
          checkFilterSize('names', names);
          return openEvents(context.principal.workspace, {
            deviceIds: await checkDeviceIds(deviceIds, context),
            names: names ?? undefined,
            after: after ?? undefined,
          });
        },
        resolve: ({ cursor, gap, event }: FactDelivery) => ({
          ...{ cursor, gap },
          event: readDeviceEvent({ ...event, deviceId: event.subject ?? '' }),
        }),
      },
    },
    Device: {
      twin: ({ id }, args, context) => findTwin(id, args, context),
      reading: ({ id }, args, context) => readFreshly(id, args, context),
      events: ({ id }, args, context) => listEvents(id, args, context),
    },
    DeviceTwin: {
      delta: ({ desired, reported }) => findDelta(desired, reported),
      history: ({ deviceId }, args, context) => listHistory(deviceId, args, context),
    },
    DeviceTwinEvent: {
      device: async ({ deviceId }, _args, { devices }) => (await devices.load(deviceId)) ?? null,
      change: async ({ deviceId, version }, _args, { twinChanges }) =>
        (await twinChanges.load({ deviceId, version })) ?? null,
      twin: async ({ deviceId }, _args, { devices, twins }) =>
        (await devices.load(deviceId)) ? twins.load(deviceId) : null,
    },
    DeviceEvent: {
      device: async ({ deviceId }, _args, { devices }) => (await devices.load(deviceId)) ?? null,
    },
  } satisfies Resolvers;
}

async function findTwin(
  deviceId: string,
  { at }: DeviceTwinArgs,
  { twins, pastTwins }: Context,
): Promise<DeviceTwinModel | null> {
  if (at == null) return twins.load(deviceId);
  const past = await pastTwins.load({ deviceId, at });
  if (past === 'forgotten') return null;
  if (past !== 'too-far') return past;
  throw new AegisError(
    'OPERATION_TOO_COSTLY',
    `at: expected an instant with at most ${MAX_UNDONE} changes of the twin since, got one with more; ask for a later one.`,
  );
}

async function listHistory(
  deviceId: string,
  { first: wanted, after, side }: DeviceTwinHistoryArgs,
  { twinHistories }: Context,
) {
  const first = checkPageSize(wanted ?? 20);
  const rows = await twinHistories.load({
    ...{ deviceId, limit: first + 1, side: side ?? undefined },
    behind: after == null ? undefined : decodeCursor(HISTORY_CURSOR, after),
  });
  return toConnection(rows, {
    ...{ first, after: after != null },
    cursorOf: ({ version }) => encodeCursor(HISTORY_CURSOR, BigInt(version)),
  });
}

async function listEvents(
  deviceId: string,
  { first: wanted, after, names }: DeviceEventsArgs,
  { deviceEvents }: Context,
) {
  const first = checkPageSize(wanted ?? 20);
  checkFilterSize('names', names, MAX_NAMES);
  const rows = await deviceEvents.load({
    ...{ deviceId, limit: first + 1, names: names ?? undefined },
    behind: after == null ? undefined : decodeCursor(EVENTS_CURSOR, after),
  });
  return toConnection(rows, {
    ...{ first, after: after != null },
    cursorOf: ({ sequence }) => encodeCursor(EVENTS_CURSOR, sequence),
  });
}

function readTwinFact({ cursor, gap, event }: FactDelivery) {
  const { version } = event.data as { readonly version: number };
  const side: TwinSide = event.type.endsWith('.reported') ? 'REPORTED' : 'DESIRED';
  return { cursor, gap, side, version, deviceId: event.subject ?? '' };
}
