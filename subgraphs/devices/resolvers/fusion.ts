import type { FuseReadings } from '../fusion/fuse-readings.js';
import type { Resolvers } from '../generated/schema-types.js';

/** Fields that fuse readings. */
export function createFusionResolvers(fuseReadings: FuseReadings) {
  return {
    Query: {
      fuseReadings: (_parent, args, { principal }) => fuseReadings(principal.workspace, args),
    },
  } satisfies Resolvers;
}
