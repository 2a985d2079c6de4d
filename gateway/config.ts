import { z } from 'zod';
import { ADDRESS_SCOPES } from '../kernel/outbound/address-guard.js';
import type { SettingsOf } from '../kernel/config/settings.js';
import { wholeNumber } from '../kernel/config/whole-number.js';
import { admissionSettings } from './admission-settings.js';
import { SLOW_CLIENT_POLICIES } from './subscriptions/delivery.js';
import { SUBSCRIPTION_DEFAULTS } from './subscriptions/subscription-settings.js';
import { readSubscriptionsOffered } from './transports/subscriptions-offered.js';

const origin = z.url({ protocol: /^https?$/ }).refine((text) => new URL(text).origin === text);

const CACHED_SUBGRAPH = /^(?<name>[^:\s]+)(?::(?<seconds>\d{1,9}))?$/;

/** Reads names with seconds: undefined for one without. */
function readCachedSubgraphs(
  text: string,
  context: z.RefinementCtx,
): ReadonlyMap<string, number | undefined> {
  const subgraphs = new Map<string, number | undefined>();
  for (const part of text.split(',').flatMap((piece) => piece.trim() || [])) {
    const { name, seconds } = CACHED_SUBGRAPH.exec(part)?.groups ?? {};
    if (name === undefined) context.addIssue({ code: 'custom', message: part });
    else subgraphs.set(name, seconds === undefined ? undefined : Number(seconds));
  }
  return subgraphs;
}

/** Source: Apollo Federation, `@override`: a label is a name, or `percent(n)`. */
const OVERRIDE_LABEL = /^[A-Za-z][\w\-:./]*$/;

/** The settings of the gateway. */
export const settings = {
  allowedOrigins: {
    env: 'AEGIS_ALLOWED_ORIGINS',
    description:
      'Web pages of other origins that may talk to the gateway, comma-separated. Without API keys, pages of this machine may as well.',
    expects: 'origins such as https://app.example.com, comma-separated',
    schema: z
      .string()
      .default('')
      .transform((text) => text.split(',').flatMap((part) => part.trim() || []))
      .pipe(z.array(origin)),
  },
  maxBodyBytes: wholeNumber({
    env: 'AEGIS_MAX_BODY_BYTES',
    description: 'The largest request body and WebSocket message that is read, in bytes.',
    minimum: 1_024,
    maximum: 104_857_600,
    initial: 1_048_576,
  }),
  operationTimeoutMs: wholeNumber({
    env: 'AEGIS_OPERATION_TIMEOUT_MS',
    description:
      'How long a query or mutation may take, in milliseconds; what is not there by then is null with an error.',
    minimum: 100,
    maximum: 600_000,
    initial: 30_000,
  }),
  coalesceQueries: {
    env: 'AEGIS_COALESCE_OPERATIONS',
    description:
      'Whether equal queries of one identity that are under way at one time are executed once. What a subgraph counts or draws for each request is then the same for all of them.',
    expects: 'true or false',
    schema: z.stringbool().default(false),
  },
  subgraphTimeoutMs: wholeNumber({
    env: 'AEGIS_SUBGRAPH_TIMEOUT_MS',
    description: 'How long one request to a remote subgraph may take, in milliseconds.',
    minimum: 100,
    maximum: 600_000,
    initial: 10_000,
  }),
  subgraphConnections: wholeNumber({
    env: 'AEGIS_SUBGRAPH_CONNECTIONS',
    description: 'The most connections to one remote subgraph.',
    minimum: 1,
    maximum: 1_024,
    initial: 64,
  }),
  maxSubgraphResponseBytes: wholeNumber({
    env: 'AEGIS_MAX_SUBGRAPH_RESPONSE_BYTES',
    description: 'The largest answer that is read from a remote subgraph, in bytes.',
    minimum: 1_024,
    maximum: 1_073_741_824,
    initial: 67_108_864,
  }),
  subgraphSubscriptions: {
    env: 'AEGIS_SUBGRAPH_SUBSCRIPTIONS',
    description:
      'How subgraphs offer subscriptions, as JSON by their names: ws (graphql-ws), sse (Server-Sent Events), auto, or an address of their own whose scheme says which. By default auto: graphql-ws, and sse where no WebSocket can be opened.',
    expects: 'JSON such as {"stock": "sse", "ticks": "wss://ticks.example/live"}',
    schema: z
      .string()
      .default('{}')
      .transform((text, context) => {
        const offered = readSubscriptionsOffered(text);
        if (!offered) context.addIssue('expected ws, sse, auto or an address for each subgraph');
        return offered ?? z.NEVER;
      }),
  },
  subgraphRetries: wholeNumber({
    env: 'AEGIS_SUBGRAPH_RETRIES',
    description:
      'How often a query is sent again that a remote subgraph did not answer (connection lost, HTTP 429, 502, 503, 504). Mutations never are.',
    minimum: 0,
    maximum: 10,
    initial: 1,
  }),
  subgraphRetryPercent: wholeNumber({
    env: 'AEGIS_SUBGRAPH_RETRY_PERCENT',
    description:
      'How many queries are sent again at most for each hundred requests to a subgraph within ten seconds, beside the first ten.',
    minimum: 0,
    maximum: 100,
    initial: 20,
  }),
  breakerPercent: wholeNumber({
    env: 'AEGIS_BREAKER_PERCENT',
    description:
      'A remote subgraph is left alone for a while when at least so many percent of its requests failed; 0 never does.',
    minimum: 0,
    maximum: 100,
    initial: 50,
  }),
  breakerMinimumRequests: wholeNumber({
    env: 'AEGIS_BREAKER_MINIMUM_REQUESTS',
    description: 'The fewest requests within that time that are enough to tell.',
    minimum: 1,
    maximum: 1_000_000,
    initial: 20,
  }),
  breakerWindowMs: wholeNumber({
    env: 'AEGIS_BREAKER_WINDOW_MS',
    description: 'Over how long requests and failures are counted for it, in milliseconds.',
    minimum: 100,
    maximum: 600_000,
    initial: 10_000,
  }),
  breakerOpenMs: wholeNumber({
    env: 'AEGIS_BREAKER_OPEN_MS',
    description:
      'How long it is left alone, in milliseconds; then one request at a time finds out whether it answers again.',
    minimum: 10,
    maximum: 600_000,
    initial: 5_000,
  }),
  cache: {
    env: 'AEGIS_CACHE',
    description:
      'Where answers of subgraphs are kept as long as these allow: off, memory (of this process) or a Redis such as redis://user:password@host:6379.',
    expects: 'off, memory, or an address that begins with redis:// or rediss://',
    schema: z.union([z.literal(['off', 'memory']), z.url({ protocol: /^rediss?$/ })]).default('off'),
    // An address may hold a password.
    secret: true,
  },
  cacheSubgraphs: {
    env: 'AEGIS_CACHE_SUBGRAPHS',
    description:
      'Whose answers are kept, comma-separated, each perhaps with the longest that they are, in seconds, such as shop:60,stock. All by default.',
    expects: 'names of subgraphs, comma-separated, each perhaps with a colon and seconds behind it',
    schema: z.string().default('').transform(readCachedSubgraphs),
  },
  cacheMaxAgeS: wholeNumber({
    env: 'AEGIS_CACHE_MAX_AGE_S',
    description: 'The longest that anything is kept, in seconds.',
    minimum: 1,
    maximum: 31_536_000,
    initial: 3_600,
  }),
  cacheBytes: wholeNumber({
    env: 'AEGIS_CACHE_BYTES',
    description: 'The most bytes that are kept in memory.',
    minimum: 65_536,
    maximum: 17_179_869_184,
    initial: 67_108_864,
  }),
  cacheTimeoutMs: wholeNumber({
    env: 'AEGIS_CACHE_TIMEOUT_MS',
    description:
      'How long Redis is waited for, in milliseconds; without an answer by then the subgraph is asked.',
    minimum: 1,
    maximum: 10_000,
    initial: 100,
  }),
  cacheResponses: {
    env: 'AEGIS_CACHE_RESPONSES',
    description: 'Whether whole responses are kept, too, and clients told how long they may keep them.',
    expects: 'true or false',
    schema: z
      .enum(['true', 'false'])
      .default('false')
      .transform((text) => text === 'true'),
  },
  headerRules: {
    env: 'AEGIS_HEADER_RULES',
    description:
      'Which headers of clients subgraphs are told, and which others: JSON that begins with {, or the path of a JSON or YAML file; see gateway/README.md. None by default.',
    expects: 'JSON that begins with {, or the path of a JSON or YAML file',
    schema: z.string().min(1).optional(),
    // Rules may hold constants that nobody should read in a log.
    secret: true,
  },
  ...admissionSettings,
  activeOverrides: {
    env: 'AEGIS_ACTIVE_OVERRIDES',
    description:
      'The labels, comma-separated, under which fields have moved to their new subgraph (@override(label:)). None by default; percent(n) decides by itself.',
    expects: 'labels such as new-stock, comma-separated; percent(n) is none of them',
    schema: z
      .string()
      .default('')
      .transform((text) => text.split(',').flatMap((part) => part.trim() || []))
      .pipe(z.array(z.string().regex(OVERRIDE_LABEL))),
  },
  planCacheSize: wholeNumber({
    env: 'AEGIS_PLAN_CACHE_SIZE',
    description: 'How many operations keep their query plans.',
    minimum: 1,
    maximum: 1_000_000,
    initial: 2_000,
  }),
  maxWaitingPlans: wholeNumber({
    env: 'AEGIS_MAX_WAITING_PLANS',
    description: 'The most operations that wait for their query plans; more are refused with UNAVAILABLE.',
    minimum: 1,
    maximum: 1_000_000,
    initial: 1_000,
  }),
  planTimeoutMs: wholeNumber({
    env: 'AEGIS_PLAN_TIMEOUT_MS',
    description:
      'How long making one query plan may take, in milliseconds; beyond it the operation is refused.',
    minimum: 10,
    maximum: 600_000,
    initial: 10_000,
  }),
  warmOperations: wholeNumber({
    env: 'AEGIS_WARM_OPERATIONS',
    description:
      'How many of the operations that are executed most are planned before another supergraph is taken.',
    minimum: 0,
    maximum: 100_000,
    initial: 100,
  }),
  warmUpMs: wholeNumber({
    env: 'AEGIS_WARM_UP_MS',
    description: 'How long at most another supergraph waits for that, in milliseconds.',
    minimum: 0,
    maximum: 600_000,
    initial: 5_000,
  }),
  registrationAddresses: {
    env: 'AEGIS_REGISTRATION_ADDRESSES',
    description:
      'Where subgraphs may be that are registered while the gateway runs: public addresses, those and loopback ones, or those and private ones. By default public, and loopback while there are no API keys.',
    expects: ADDRESS_SCOPES.join(', '),
    schema: z.enum(ADDRESS_SCOPES).optional(),
  },
  registeredHandOver: {
    env: 'AEGIS_REGISTERED_HANDOVER',
    description:
      'Whether subgraphs too that were registered while the gateway runs are told who asks, by tokens that AEGIS_HANDOVER_SECRET signs. Whoever may register one can then read tokens of everybody who asks it.',
    expects: 'true or false',
    schema: z.stringbool().default(false),
  },
  maxSubscriptions: wholeNumber({
    env: 'AEGIS_MAX_SUBSCRIPTIONS',
    description: 'The most subscriptions of clients that run at a time.',
    minimum: 0,
    maximum: 1_000_000,
    initial: SUBSCRIPTION_DEFAULTS.maxSubscriptions,
  }),
  maxSubscriptionsPerIdentity: wholeNumber({
    env: 'AEGIS_MAX_SUBSCRIPTIONS_PER_IDENTITY',
    description:
      'The most of them of one subject in one workspace: an API key, or everybody where there are none.',
    minimum: 0,
    maximum: 1_000_000,
    initial: SUBSCRIPTION_DEFAULTS.maxSubscriptionsPerIdentity,
  }),
  maxSubscriptionsPerConnection: wholeNumber({
    env: 'AEGIS_MAX_SUBSCRIPTIONS_PER_CONNECTION',
    description: 'The most of them on one WebSocket.',
    minimum: 0,
    maximum: 1_000_000,
    initial: SUBSCRIPTION_DEFAULTS.maxSubscriptionsPerConnection,
  }),
  maxOperationsPerConnection: wholeNumber({
    env: 'AEGIS_MAX_OPERATIONS_PER_CONNECTION',
    description:
      'The most queries and mutations under way at a time on one WebSocket; more are refused with RATE_LIMITED.',
    minimum: 1,
    maximum: 1_000_000,
    initial: 100,
  }),
  maxUnsentBytes: wholeNumber({
    env: 'AEGIS_MAX_UNSENT_BYTES',
    description:
      'The most bytes of events that wait for a client that reads more slowly than they come. While more wait on a WebSocket, no further operations are read from it.',
    minimum: 65_536,
    maximum: 1_073_741_824,
    initial: SUBSCRIPTION_DEFAULTS.maxUnsentBytes,
  }),
  slowClientPolicy: {
    env: 'AEGIS_SLOW_CLIENT_POLICY',
    description:
      'What happens beyond that: disconnect (a WebSocket with code 4008), latest (only the newest event waits) or drop-oldest.',
    expects: SLOW_CLIENT_POLICIES.join(', '),
    schema: z.enum(SLOW_CLIENT_POLICIES).default(SUBSCRIPTION_DEFAULTS.slowClientPolicy),
  },
  subscriptionReconnects: wholeNumber({
    env: 'AEGIS_SUBSCRIPTION_RECONNECTS',
    description: 'How often in a row a subscription that its subgraph lost is begun again.',
    minimum: 0,
    maximum: 1_000,
    initial: SUBSCRIPTION_DEFAULTS.subscriptionReconnects,
  }),
  subscriptionReconnectMs: wholeNumber({
    env: 'AEGIS_SUBSCRIPTION_RECONNECT_MS',
    description:
      'How long at most the first of these waits, in milliseconds; each further one at most twice as long as the one before.',
    minimum: 1,
    maximum: 60_000,
    initial: SUBSCRIPTION_DEFAULTS.subscriptionReconnectMs,
  }),
  schemaChangeSpreadMs: wholeNumber({
    env: 'AEGIS_SCHEMA_CHANGE_SPREAD_MS',
    description:
      'Over how long the clients are told to subscribe again whose subscriptions a new supergraph has changed, in milliseconds.',
    minimum: 0,
    maximum: 600_000,
    initial: SUBSCRIPTION_DEFAULTS.schemaChangeSpreadMs,
  }),
} as const;

export type GatewaySettings = SettingsOf<typeof settings>;
