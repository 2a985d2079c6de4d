import type { Logger } from '../../kernel/telemetry/logger.js';

/** The configuration cannot be used; the message says what to give in its place. */
export class GatewayConfigInvalid extends Error {
  override readonly name = 'GatewayConfigInvalid';
}

/** Options of `ApolloGateway` that cannot be left out silently, since they say where the supergraph comes from. */
const REFUSED: Readonly<Record<string, string>> = {
  serviceList: 'give `supergraphSdl: new IntrospectAndCompose({ subgraphs })`',
  localServiceList: 'give `supergraphSdl: new LocalCompose({ localServiceList })`, or the composed SDL',
  experimental_updateServiceDefinitions: 'give `supergraphSdl` as a function',
  experimental_updateSupergraphSdl: 'give `supergraphSdl` as a function',
  introspectionHeaders: 'give them to `IntrospectAndCompose`',
  pollIntervalInMs: 'give it to `IntrospectAndCompose`',
  uplinkEndpoints: 'a supergraph is never fetched from Apollo GraphOS: give it as `supergraphSdl`',
  schemaConfigDeliveryEndpoint:
    'a supergraph is never fetched from Apollo GraphOS: give it as `supergraphSdl`',
  uplinkMaxRetries: 'a supergraph is never fetched from Apollo GraphOS: give it as `supergraphSdl`',
  fallbackPollIntervalInMs: 'a supergraph is never fetched from Apollo GraphOS: give it as `supergraphSdl`',
};

/** Options of `ApolloGateway` without which everything works, though not all in the same way. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  experimental_didResolveQueryPlan: 'plans are shared by operations that differ in literals only',
  experimental_approximateQueryPlanStoreMiB: 'plans are counted and not weighed: give `planCacheSize`',
  experimental_autoFragmentization: 'it has no effect in @apollo/gateway either',
  fetcher:
    'it was for fetching the supergraph from Apollo GraphOS; fetches of data are those of `buildService`',
  telemetry: 'there are metrics for Prometheus: give `metrics`',
  __exposeQueryPlanExperimental: 'plans are not sent to clients',
};

/** Of `queryPlannerConfig`: what is so anyway is not worth a word. */
const PLANNER_WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  cache: 'plans are kept in memory: give `planCacheSize`',
  debug: 'the planner runs with the limits it has by default',
  generateQueryFragments: 'fetches are sent as they are planned',
};

const KNOWN = new Set([
  'supergraphSdl',
  'buildService',
  'logger',
  'debug',
  'serviceHealthCheck',
  'queryPlannerConfig',
  'validateSupergraph',
  'experimental_didUpdateSupergraph',
  'operationTimeoutMs',
  'subgraphTimeoutMs',
  'subgraphConnections',
  'maxResponseBytes',
  'planCacheSize',
  'limits',
  'planningThread',
  'metrics',
  'connectionParams',
]);

/**
 * Says of each option that is not as in `@apollo/gateway` what becomes of it.
 *
 * Errors: {@link GatewayConfigInvalid} when the gateway would not know where its supergraph is.
 */
export function checkConfig(config: Readonly<Record<string, unknown>>, logger: Logger): void {
  for (const [name, instead] of Object.entries(REFUSED)) {
    if (config[name] !== undefined)
      throw new GatewayConfigInvalid(`\`${name}\` is not supported: ${instead}.`);
  }
  checkSupergraph(config['supergraphSdl']);
  for (const [name, value] of Object.entries(config)) {
    if (value === undefined || KNOWN.has(name) || isOff(name, value)) continue;
    const reason = WITHOUT_EFFECT[name] ?? 'there is no such option';
    logger.warn(`the option \`${name}\` has no effect: ${reason}.`);
  }
  if (config['validateSupergraph'] === false)
    logger.warn('the option `validateSupergraph` has no effect: a supergraph is always validated.');
  checkPlannerConfig(config['queryPlannerConfig'], logger);
}

function checkSupergraph(value: unknown): void {
  if (typeof value === 'string' || typeof value === 'function') return;
  if (isRecord(value) && typeof value['initialize'] === 'function') return;
  const got =
    value === undefined ? 'none, and a managed supergraph (Apollo GraphOS) is never fetched' : typeof value;
  throw new GatewayConfigInvalid(
    `expected \`supergraphSdl\` to be a supergraph's SDL, a function that brings it, or an object with \`initialize\`, got ${got}.`,
  );
}

/** What asks for nothing needs no warning. */
function isOff(name: string, value: unknown): boolean {
  return name === '__exposeQueryPlanExperimental' && value === false;
}

function checkPlannerConfig(config: unknown, logger: Logger): void {
  if (!isRecord(config)) return;
  if (config['typeConditionedFetching'] === true)
    throw new GatewayConfigInvalid(
      '`queryPlannerConfig.typeConditionedFetching` is not supported: leave it out.',
    );
  for (const [name, reason] of Object.entries(PLANNER_WITHOUT_EFFECT)) {
    if (config[name] !== undefined)
      logger.warn(`the option \`queryPlannerConfig.${name}\` has no effect: ${reason}.`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
