import { mergeResolvers } from '../../kernel/graphql/merge-resolvers.js';
import type { Context } from './context.js';
import type { FuseReadings } from './fusion/fuse-readings.js';
import { createDeviceResolvers, type DeviceResolverDeps } from './resolvers/devices.js';
import { createFusionResolvers } from './resolvers/fusion.js';

export interface ResolverDeps extends DeviceResolverDeps {
  readonly fuseReadings: FuseReadings;
}

/** GraphQL in, GraphQL out: the fields of every noun, each in a file of its own. */
export function createResolvers(deps: ResolverDeps) {
  return mergeResolvers<Context>([createDeviceResolvers(deps), createFusionResolvers(deps.fuseReadings)]);
}
