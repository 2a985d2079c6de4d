import type { GraphQLResolverMap } from '@apollo/subgraph/dist/schema-helper/resolverMap.js';
import type { FastifyInstance } from 'fastify';
import type { SettingsOf, SettingsTable } from '../config/settings.js';
import type { Database } from '../database/database.js';
import type { EventLog } from '../events/event-log.js';
import type { LiveBus } from '../events/live-bus.js';
import type { Principal, WorkspaceId } from '../identity/principal.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { TraceContext } from '../telemetry/trace-context.js';

/** What every resolver of every subgraph knows about the request it serves. */
export interface RequestContext {
  readonly principal: Principal;
  readonly trace: TraceContext;
}

/** What a subgraph is given. */
export interface SubgraphDeps {
  readonly database: Database;
  readonly log: EventLog;
  readonly bus: LiveBus;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The workspaces that this installation serves. */
  readonly workspaces: readonly WorkspaceId[];
  /** Decides who is asking on the subgraph's own doors (its HTTP routes, its broker). */
  readonly identify: Identify;
}

/** Turns credentials into a principal; undefined when they are not good for any. */
export type Identify = (credentials: Credentials) => Principal | undefined;

export interface Credentials {
  /** An API key or another bearer token; undefined when none was presented. */
  readonly token?: string | undefined;
}

export type Health = { readonly state: 'UP' } | { readonly state: 'DOWN'; readonly reason: string };

/** A running subgraph. */
export interface Subgraph<Context extends RequestContext = RequestContext> {
  readonly resolvers: GraphQLResolverMap<Context>;
  /** What the resolvers of one request share (loaders); made anew for each request and each event of a stream. */
  createContext(request: RequestContext): Context;
  /** HTTP routes beside GraphQL. */
  readonly routes?: (server: FastifyInstance) => void;
  start(): Promise<void>;
  close(): Promise<void>;
  health(): Promise<Health>;
}

/** The door of a subgraph: all that outsiders import from its folder, under the name `subgraph`. */
export interface SubgraphDoor<S extends SettingsTable = SettingsTable> {
  readonly name: string;
  readonly settings: S;
  create(deps: SubgraphDeps, settings: SettingsOf<S>): Subgraph;
}

/** Ties a door's settings to its factory, and then forgets their types so that doors can stand in one list. */
export function defineSubgraph<S extends SettingsTable>(door: SubgraphDoor<S>): SubgraphDoor {
  return door as unknown as SubgraphDoor;
}
