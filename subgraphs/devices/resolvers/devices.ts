import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { Context } from '../context.js';
import { listDevices } from '../fleet/list-devices.js';
import type { Selections } from '../fleet/selection/registry.js';
import { checkSelection } from '../fleet/selection/selection.js';
import type { Resolvers, SubscriptionDeviceReadingsArgs } from '../generated/schema-types.js';
import type { DeviceMutations } from '../mutations.js';
import type { ReadingEvent, ReadingStreamOptions } from '../readings/reading-stream.js';
import { isMetricName } from '../metric-name.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';

export interface DeviceResolverDeps {
  readonly selections: Selections;
  readonly mutations: DeviceMutations;
  readonly openStream: (
    workspace: WorkspaceId,
    options: ReadingStreamOptions,
  ) => AsyncIterableIterator<ReadingEvent>;
}

/** The most devices or metrics that a stream is filtered by. */
const MAX_FILTER = 1_000;

/** Fields of the registry and of its readings. */
export function createDeviceResolvers({ selections, mutations, openStream }: DeviceResolverDeps) {
  return {
    Query: {
      device: async (_parent, { id }, { devices }) => (await devices.load(id)) ?? null,
      devices: (_parent, { filter, ...page }, context) =>
        listDevices(selections, checkSelection(filter ?? {}), page, context),
    },
    Mutation: {
      registerDevice: (_parent, { input }, context) => mutations.register(input, context),
      updateDevice: (_parent, { input }, context) => mutations.update(input, context),
      removeDevice: (_parent, { input }, context) => mutations.remove(input, context),
    },
    Subscription: {
      deviceReadings: {
        subscribe: async (_parent, args, context) =>
          openStream(context.principal.workspace, await checkStream(args, context)),
        resolve: (event: ReadingEvent) => event,
      },
    },
    Device: {
      __resolveReference: async ({ id }, { devices }) => (await devices.load(id)) ?? null,
      metrics: ({ id }, _args, { metrics }) => metrics.load(id),
    },
    Reading: {
      // It may have been removed while its reading was on the way.
      device: async ({ deviceId }, _args, { devices }) => (await devices.load(deviceId)) ?? null,
    },
  } satisfies Resolvers;
}

/** Checks what is asked of a stream. Errors: BAD_USER_INPUT; NOT_FOUND for a device that is not there. */
async function checkStream(
  { deviceIds, metrics, after }: SubscriptionDeviceReadingsArgs,
  { devices }: Context,
): Promise<ReadingStreamOptions> {
  checkFilterSize('deviceIds', deviceIds);
  checkFilterSize('metrics', metrics);
  const unnamed = metrics?.find((metric) => !isMetricName(metric));
  if (unnamed !== undefined) {
    throw new AegisError(
      'BAD_USER_INPUT',
      `metrics: no metric is named ${JSON.stringify(unnamed.slice(0, 64))}.`,
    );
  }
  const found = await devices.loadMany(deviceIds ?? []);
  const failure = found.find((device) => device instanceof Error);
  if (failure) throw failure;
  const missing = deviceIds?.find((_id, index) => found[index] === undefined);
  if (missing !== undefined) {
    throw new AegisError(
      'NOT_FOUND',
      `deviceIds: there is no device ${JSON.stringify(missing.slice(0, 64))}.`,
    );
  }
  return {
    filter: {
      ...(deviceIds ? { deviceIds: [...new Set(deviceIds)] } : {}),
      ...(metrics ? { metrics: [...new Set(metrics)] } : {}),
    },
    after: after ?? undefined,
  };
}

function checkFilterSize(name: string, values: readonly string[] | null | undefined): void {
  if (!values || (values.length >= 1 && values.length <= MAX_FILTER)) return;
  throw new AegisError(
    'BAD_USER_INPUT',
    `${name}: expected 1 to ${MAX_FILTER}, got ${values.length}; leave it out for all.`,
  );
}
