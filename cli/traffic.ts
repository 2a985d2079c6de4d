import type { Caching } from '../gateway/caching/caching.js';
import type { GatewaySettings } from '../gateway/config.js';
import type { SubgraphAddress } from '../gateway/supergraph/snapshot.js';
import { applyHeaderRules } from '../gateway/transports/apply-header-rules.js';
import type { PickHeaders } from '../gateway/transports/header-rules.js';
import type { Transport } from '../gateway/transports/transport.js';
import type { Lifecycle } from '../kernel/lifecycle/lifecycle.js';
import { openCaching } from './caching.js';
import { readHeaderRules } from './header-rules.js';
import { createRemoteTransports, type RemoteTransportDeps } from './remote-transports.js';

/** How the gateway of this process reaches subgraphs. */
export interface Traffic {
  /** Makes the transport to a subgraph in another process. */
  readonly openRemote: (address: SubgraphAddress) => Transport;
  /** The transport of a subgraph in this process, under the same rules. */
  readonly openLocal: (subgraph: string, transport: Transport) => Transport;
  /** What is kept of answers; undefined when nothing is. It is closed with the process. */
  readonly caching: Caching | undefined;
  /** Of what a client presents, what some subgraph may be told. */
  readonly pickHeaders: PickHeaders | undefined;
}

interface TrafficSettings extends GatewaySettings {
  readonly handOverSecret: string | undefined;
}

/** Reads the rules of the settings. Called once for each registry of metrics. Errors: SettingsError. */
export async function openTraffic(
  settings: TrafficSettings,
  deps: Omit<RemoteTransportDeps, 'headerRules'> & { readonly lifecycle: Lifecycle },
): Promise<Traffic> {
  const headerRules = await readHeaderRules(settings);
  const caching = openCaching(settings, deps);
  if (caching) await deps.lifecycle.start({ name: 'cache', close: () => caching.close() });
  return {
    openRemote: createRemoteTransports(settings, { ...deps, headerRules }),
    openLocal: (subgraph, transport) =>
      headerRules ? applyHeaderRules(transport, subgraph, headerRules) : transport,
    caching,
    pickHeaders: headerRules?.pick,
  };
}
