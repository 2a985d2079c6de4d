import { checkPageSize, toConnection } from '../../../kernel/graphql/connection.js';
import { listGroup } from '../fleet/list-devices.js';
import type { GroupMutations } from '../fleet/groups/group-mutations.js';
import type { GroupRegistry } from '../fleet/groups/registry.js';
import { readLabels } from '../fleet/labels.js';
import { readOpaque, writeOpaque } from '../fleet/opaque-cursor.js';
import type { Resolvers } from '../generated/schema-types.js';

export interface FleetResolverDeps {
  readonly groups: GroupRegistry;
  readonly groupMutations: GroupMutations;
}

/** Fields of labels and groups. */
export function createFleetResolvers({ groups, groupMutations }: FleetResolverDeps) {
  return {
    Query: {
      deviceGroup: async (_parent, { id }, { deviceGroups }) => (await deviceGroups.load(id)) ?? null,
      deviceGroups: async (_parent, { first: wanted, after, nameContains }, { principal }) => {
        const first = checkPageSize(wanted);
        const rows = await groups.list(principal.workspace, {
          first,
          after: after == null ? undefined : readOpaque('groups', after),
          nameContains: nameContains ?? undefined,
        });
        return toConnection(rows, {
          first,
          after: after != null,
          cursorOf: ({ name }) => writeOpaque('groups', name),
        });
      },
    },
    Mutation: {
      labelDevices: (_parent, { input }, context) => groupMutations.label(input, context),
      createDeviceGroup: (_parent, { input }, context) => groupMutations.create(input, context),
      updateDeviceGroup: (_parent, { input }, context) => groupMutations.update(input, context),
      removeDeviceGroup: (_parent, { input }, context) => groupMutations.remove(input, context),
    },
    Device: {
      labels: ({ labels }) =>
        Object.entries(readLabels(labels))
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .map(([key, value]) => ({ key, value })),
      groups: ({ id }, _args, { groupsOfDevice }) => groupsOfDevice.load(id),
    },
    DeviceGroup: {
      __resolveReference: async ({ id }, { deviceGroups }) => (await deviceGroups.load(id)) ?? null,
      selection: ({ selection }) => (selection === null ? null : JSON.stringify(selection)),
      devices: ({ id }, page, context) => listGroup(id, page, context),
      count: ({ id }, _args, { groupCounts }) => groupCounts.load(id),
    },
  } satisfies Resolvers;
}
