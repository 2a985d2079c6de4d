import type { GraphQLResolverMap } from '@apollo/subgraph/dist/schema-helper/resolverMap.js';
import type { FastifyInstance } from 'fastify';
import type { SettingsOf, SettingsTable } from '../config/settings.js';
import type { Database } from '../database/database.js';
import type { EventLog } from '../events/event-log.js';
import type { LiveBus } from '../events/live-bus.js';
import type { Principal, WorkspaceId } from '../identity/principal.js';
import type { TopicRoutes } from '../messaging/topic-routes.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { TraceContext } from '../telemetry/trace-context.js';

/** What every resolver of every subgraph knows about the request it serves. */
export interface RequestContext {
  readonly principal: Principal;
  readonly trace: TraceContext;
  /** Of the client's headers, those that subgraphs may be told, by lower-case name; the gateway's settings say which. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
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
  /**
   * The same, for doors that can wait for the answer: by signed tokens as well, or by what a gateway in another process says of who
   * asks. Undefined where there is no more than `identify`.
   */
  readonly identifyClient?: IdentifyClient | undefined;
  /** The topics that subgraphs of this process want to have from its broker; undefined where there is none. */
  readonly topics?: TopicRoutes | undefined;
}

/** Turns credentials into a principal; undefined when they are not good for any. */
export type Identify = (credentials: Credentials) => Principal | undefined;

/**
 * The same where a check may take its time, as that of a signed token does.
 *
 * Errors: UNAUTHENTICATED when more can be said than that nobody is known by the credentials.
 */
export type IdentifyClient = (
  credentials: Credentials,
) => Promise<Principal | undefined> | Principal | undefined;

/** What somebody presents to be let in. */
export interface Credentials {
  /** An API key or another bearer token; undefined when none was presented. */
  readonly token?: string | undefined;
}

/**
 * Tells who is asking from the headers of a request, or from the payload that opens a graphql-ws connection; undefined
 * when nobody is known by them.
 */
export type Authenticate = (
  presented: Readonly<Record<string, unknown>>,
) => Promise<Principal | undefined> | Principal | undefined;

/** How a subgraph is now. */
export type Health = { readonly state: 'UP' } | { readonly state: 'DOWN'; readonly reason: string };

/** A running subgraph. */
export interface Subgraph<Context extends RequestContext = RequestContext> {
  readonly resolvers: GraphQLResolverMap<Context>;
  /** What the resolvers of one request share (loaders); made anew for each request and each event of a stream. */
  createContext(request: RequestContext): Context;
  /** HTTP routes beside GraphQL. */
  readonly routes?: (server: FastifyInstance) => void;
  /** Addresses of its other doors by protocol, such as `mqtt://127.0.0.1:1883`; known once it has started. */
  readonly endpoints?: () => Readonly<Record<string, string>>;
  start(): Promise<void>;
  close(): Promise<void>;
  health(): Promise<Health>;
}

/** The door of a subgraph: all that outsiders import from its folder, under the name `subgraph`. */
export interface SubgraphDoor<
  S extends SettingsTable = SettingsTable,
  Context extends RequestContext = RequestContext,
> {
  readonly name: string;
  readonly settings: S;
  create(deps: SubgraphDeps, settings: SettingsOf<S>): Subgraph<Context>;
}

/** Ties a door's settings and context to its factory, and then forgets their types so that doors can stand in one list. */
export function defineSubgraph<S extends SettingsTable, Context extends RequestContext>(
  door: SubgraphDoor<S, Context>,
): SubgraphDoor {
  return door as unknown as SubgraphDoor;
}
