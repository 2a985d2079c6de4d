import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { createRejectionLog } from '../../../../kernel/messaging/rejection.js';
import type { Endpoints } from '../../endpoints/endpoints.js';
import type { Profile } from '../../profiles/profile.js';
import { createCallers } from '../callers.js';
import type { ShareDuty } from '../share-duty.js';
import type { Protocol, ProtocolDeps } from '../protocol.js';
import type { FindRemote } from './coap-addresses.js';
import { createCoapExchange, type CoapExchange } from './coap-exchange.js';
import { followCoapDevice } from './coap-follower.js';
import { parseCoapMapping } from './coap-mapping.js';
import type { CoapDevice } from './coap-session.js';
import type { CoapTiming } from './coap-timing.js';
import { createMessageLayer } from './message-layer.js';

export interface CoapClientDeps extends Omit<ProtocolDeps, 'admit'> {
  readonly workspaces: readonly WorkspaceId[];
  readonly endpoints: Pick<Endpoints, 'list' | 'onChange'>;
  readonly profileOf: (workspace: WorkspaceId, deviceId: string) => Promise<Profile | undefined>;
  readonly findRemote: FindRemote;
  readonly shareDuty?: ShareDuty | undefined;
  readonly timing?: CoapTiming;
  /** See the follower's own option. */
  readonly backoffMs?: number;
}

/**
 * Makes the client that calls on devices which serve CoAP themselves: those with an endpoint `coap://…`, by the part `coap`
 * of their profile.
 */
export function createCoapClient(deps: CoapClientDeps): Protocol {
  const { endpoints, workspaces, logger, maxPayloadBytes: maxBodyBytes } = deps;
  const layer = createMessageLayer({
    ...{ host: '::', port: 0, logger },
    ...(deps.timing ? { timing: deps.timing } : {}),
    onAnswer: (message, remote) => exchange.onAnswer(message, remote),
  });
  const exchange: CoapExchange = createCoapExchange({ layer, maxBodyBytes });
  const logRejection = createRejectionLog(logger);
  const callers = createCallers<CoapDevice>({
    ...{ workspaces, logger, onChange: endpoints.onChange, shareDuty: deps.shareDuty },
    what: 'CoAP',
    list: (workspace) => endpoints.list(workspace, 'coap'),
    call: (device, signal) => call(device, signal),
  });

  async function call(device: CoapDevice, signal: AbortSignal): Promise<void> {
    const { workspace, deviceId, endpoint } = device;
    const profile = await deps.profileOf(workspace, deviceId);
    const parsed = profile ? parseCoapMapping(profile) : { fault: 'it has no profile' };
    if ('fault' in parsed) throw new AegisError('BAD_USER_INPUT', `it cannot be read: ${parsed.fault}`);
    const remote = await deps.findRemote(endpoint.host, endpoint.port);
    const { mapping } = parsed;
    await followCoapDevice({ ...deps, device, mapping, remote, exchange, logRejection }, signal);
  }

  return {
    name: 'CoAP client',
    url: () => undefined,
    async start() {
      await layer.listen();
      await callers.start();
    },
    stopAccepting: () => callers.close(),
    async close() {
      await callers.close();
      await layer.close();
    },
    health: () => (layer.address() ? { state: 'UP' } : { state: 'DOWN', reason: 'it has not started' }),
  };
}
