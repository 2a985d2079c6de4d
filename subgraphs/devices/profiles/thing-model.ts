import type { Profile, ProfileProperty } from './profile.js';

/** A JSON object. */
type JsonObject = Readonly<Record<string, unknown>>;

const CONTEXT = 'https://www.w3.org/2022/wot/td/v1.1';

/**
 * A profile as a Thing Model: what all of its devices have, without how they are reached.
 *
 * Source: W3C Web of Things, Thing Description 1.1 (2023), §5.3 and §10.
 */
export function toThingModel(profile: Profile): JsonObject {
  const { title, version, properties, actions, events } = profile;
  return {
    '@context': CONTEXT,
    '@type': 'tm:ThingModel',
    title,
    ...describe(profile.description),
    version: { model: `${version}.0.0` },
    properties: byName(properties, toPropertyAffordance),
    actions: byName(actions, ({ description, input, output }) => ({
      ...describe(description),
      ...(input ? { input } : {}),
      ...(output ? { output } : {}),
      // Its answer comes later: a command has a state of its own.
      synchronous: false,
    })),
    events: byName(events, ({ description, data }) => ({
      ...describe(description),
      ...(data ? { data } : {}),
    })),
  };
}

function toPropertyAffordance(property: ProfileProperty): JsonObject {
  return {
    ...describe(property.description),
    ...toDataSchema(property),
    readOnly: !property.writable,
    observable: true,
  };
}

/** Source: Thing Description 1.1, §5.3.2 (DataSchema). A state is told by its name, as in `Reading.state`. */
function toDataSchema({ type, unit, minimum, maximum, states }: ProfileProperty): JsonObject {
  if (type === 'BOOLEAN') return { type: 'boolean' };
  if (type === 'STATE') return { type: 'string', enum: states };
  return {
    type: type === 'INTEGER' ? 'integer' : 'number',
    ...(unit === '1' ? {} : { unit }),
    ...(minimum === null ? {} : { minimum }),
    ...(maximum === null ? {} : { maximum }),
  };
}

function describe(description: string | null): JsonObject {
  return description === null ? {} : { description };
}

function byName<T extends { readonly name: string }>(
  list: readonly T[],
  toAffordance: (one: T) => JsonObject,
): JsonObject {
  return Object.fromEntries(list.map((one) => [one.name, toAffordance(one)]));
}
