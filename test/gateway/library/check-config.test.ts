import { describe, expect, it } from '@jest/globals';
import { AegisGateway } from '../../../gateway/library/aegis-gateway.js';
import type { AegisGatewayConfig } from '../../../gateway/library/gateway-config.js';

function make(config: object): readonly string[] {
  const lines: string[] = [];
  const ignore = () => undefined;
  const warn = (message?: unknown) => lines.push(String(message));
  const given = { logger: { debug: ignore, info: ignore, error: ignore, warn }, ...config };
  new AegisGateway(given as unknown as AegisGatewayConfig);
  return lines;
}

describe('what new AegisGateway is given', () => {
  it.each([
    [{ serviceList: [] }, /`serviceList` is not supported: give `supergraphSdl: new IntrospectAndCompose/],
    [{ localServiceList: [] }, /LocalCompose/],
    [{ supergraphSdl: '', pollIntervalInMs: 5 }, /give it to `IntrospectAndCompose`/],
    [{ uplinkEndpoints: [] }, /never fetched from Apollo GraphOS/],
    [{}, /expected `supergraphSdl` to be .* got none, and a managed supergraph/],
    [{ supergraphSdl: 5 }, /got number/],
    [{ supergraphSdl: {} }, /got object/],
    [{ supergraphSdl: '', queryPlannerConfig: { typeConditionedFetching: true } }, /leave it out/],
  ])('%j is refused', (config, message) => {
    expect(() => make(config)).toThrow(message);
  });

  it.each([
    [{ telemetry: {} }, '`telemetry` has no effect'],
    [{ experimental_approximateQueryPlanStoreMiB: 5 }, 'give `planCacheSize`'],
    [{ validateSupergraph: false }, 'always validated'],
    [{ queryPlannerConfig: { cache: {} } }, '`queryPlannerConfig.cache` has no effect'],
    [{ planCacheSise: 5 }, 'there is no such option'],
  ])('%j is warned of', (config, message) => {
    expect(make({ supergraphSdl: '', ...config })).toEqual([expect.stringContaining(message)]);
  });

  it('is taken without a word when it asks for what is so anyway', () => {
    const quiet = {
      supergraphSdl: '',
      validateSupergraph: true,
      __exposeQueryPlanExperimental: false,
      queryPlannerConfig: { exposeDocumentNodeInFetchNode: true },
      buildService: undefined,
    };
    expect(make(quiet)).toEqual([]);
  });
});
