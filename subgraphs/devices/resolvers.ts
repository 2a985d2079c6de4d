import { mergeResolvers } from '../../kernel/graphql/merge-resolvers.js';
import type { Alarms } from './alarms/alarms.js';
import type { Commands } from './commands/commands.js';
import type { Context } from './context.js';
import { createAlarmResolvers } from './resolvers/alarms.js';
import { createCommandResolvers } from './resolvers/commands.js';
import { createDeviceResolvers, type DeviceResolverDeps } from './resolvers/devices.js';
import { createFleetResolvers, type FleetResolverDeps } from './resolvers/fleet.js';
import { createFusionResolvers, type FusionResolverDeps } from './resolvers/fusion.js';
import type { Profiles } from './profiles/profiles.js';
import { createReadingResolvers, type ReadingResolverDeps } from './resolvers/readings.js';
import {
  createRejectedPayloadResolvers,
  type RejectedPayloadResolverDeps,
} from './resolvers/rejected-payloads.js';
import { createIdentityResolvers, type IdentityResolverDeps } from './resolvers/identity.js';
import { createProfileResolvers } from './resolvers/profiles.js';
import { createProtocolResolvers, type ProtocolResolverDeps } from './resolvers/protocols.js';
import { createRolloutResolvers, type RolloutResolverDeps } from './resolvers/rollouts.js';
import { createRunResolvers, type RunResolverDeps } from './resolvers/runs.js';
import { createTwinResolvers } from './resolvers/twin.js';
import type { Twins } from './twin/twins.js';

export interface ResolverDeps
  extends
    DeviceResolverDeps,
    FleetResolverDeps,
    FusionResolverDeps,
    IdentityResolverDeps,
    ProtocolResolverDeps,
    ReadingResolverDeps,
    RolloutResolverDeps,
    RunResolverDeps,
    RejectedPayloadResolverDeps {
  readonly profiles: Profiles;
  readonly twins: Twins;
  readonly commands: Commands;
  readonly alarms: Alarms;
}

/** GraphQL in, GraphQL out: the fields of every noun, each in a file of its own. */
export function createResolvers(deps: ResolverDeps) {
  return mergeResolvers<Context>([
    createDeviceResolvers(deps),
    createFleetResolvers(deps),
    createRunResolvers(deps),
    createRolloutResolvers(deps),
    createFusionResolvers(deps),
    createIdentityResolvers(deps),
    createProfileResolvers(deps.profiles),
    createProtocolResolvers(deps),
    createReadingResolvers(deps),
    createRejectedPayloadResolvers(deps),
    createTwinResolvers(deps.twins),
    createCommandResolvers(deps.commands),
    createAlarmResolvers(deps.alarms),
  ]);
}
