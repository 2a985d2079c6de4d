import type { Resolvers } from '../generated/schema-types.js';
import type { DeviceProfileModel } from '../models.js';
import type { MetricDeclaration } from '../registration.js';
import type { Profiles } from '../profiles/profiles.js';
import type { ProfileProperty } from '../profiles/profile.js';
import { toThingModel } from '../profiles/thing-model.js';

/** Fields of profiles, of what devices can do by them, and of states. */
export function createProfileResolvers({
  lookups,
  pages,
  mutations,
}: Pick<Profiles, 'lookups' | 'pages' | 'mutations'>) {
  return {
    Query: {
      deviceProfile: async (_parent, { name, version }, { principal: { workspace } }) => {
        if (version == null) return (await lookups.findNewest(workspace, name)) ?? null;
        return (await lookups.find(workspace, [{ name, version }]))[0] ?? null;
      },
      deviceProfiles: (_parent, { first, after, source }, { principal: { workspace } }) =>
        pages.list(workspace, { first, after: after ?? undefined, source: source ?? undefined }),
      deviceProfileVersions: (_parent, { name, first, after }, { principal: { workspace } }) =>
        pages.listVersions(workspace, name, { first, after: after ?? undefined }),
    },
    Mutation: {
      defineDeviceProfile: (_parent, { input }, context) => mutations.define(input, context),
      deprecateDeviceProfile: (_parent, { input }, context) => mutations.deprecate(input, context),
      calibrateDevice: (_parent, { input }, context) => mutations.calibrate(input, context),
    },
    Device: {
      profile: async ({ profileName: name, profileVersion: version }, _args, { profiles }) =>
        name === null || version === null ? null : ((await profiles.load({ name, version })) ?? null),
      capabilities: async (
        { id, profileName: name, profileVersion: version },
        _args,
        { metrics, profiles },
      ) => {
        const [declared, stored] = await Promise.all([
          metrics.load(id),
          name === null || version === null ? undefined : profiles.load({ name, version }),
        ]);
        const { actions = [], events = [] } = stored?.profile ?? {};
        return { properties: declared.map(toProperty), actions: actions.map(toAction), events: [...events] };
      },
    },
    DeviceProfile: {
      name: ({ profile }) => profile.name,
      version: ({ profile }) => profile.version,
      title: ({ profile }) => profile.title,
      description: ({ profile }) => profile.description,
      properties: ({ profile }) => profile.properties.map(toProperty),
      actions: ({ profile }) => profile.actions.map(toAction),
      events: ({ profile }) => [...profile.events],
      codec: ({ profile: { codec } }) => ({
        ...codec,
        expression: codec.expression ?? null,
        property: codec.property ?? null,
      }),
      fusion: ({ profile }) => profile.fusion,
      alarms: ({ profile }) => [...profile.alarms],
      retentionHours: ({ profile }) => profile.retentionHours,
      bluetooth: ({ profile }) => profile.bluetooth,
      coap: ({ profile }) => profile.coap,
      thingModel: ({ profile }) => toThingModel(profile),
    },
    Reading: {
      state: async ({ deviceId, metric, value }, _args, { metrics }) =>
        toState(
          (await metrics.load(deviceId)).find(({ name }) => name === metric),
          value,
        ),
    },
  } satisfies Resolvers;
}

function toProperty(property: ProfileProperty) {
  return { ...property, states: [...property.states] };
}

function toAction({ payload, ...action }: DeviceProfileModel['profile']['actions'][number]) {
  return { ...action, payload: payload === 'input' ? ('INPUT' as const) : ('ENVELOPE' as const) };
}

function toState(metric: MetricDeclaration | undefined, value: number): string | null {
  if (metric?.type === 'STATE') return metric.states[value] ?? null;
  if (metric?.type !== 'BOOLEAN') return null;
  return value === 0 ? 'false' : 'true';
}
