import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type { DevicesSettings } from '../../config.js';
import type { Endpoints } from '../../endpoints/endpoints.js';
import type { Profile } from '../../profiles/profile.js';
import type { KnownDevices } from '../../readings/known-devices.js';
import type { ShareDuty } from '../share-duty.js';
import type { Doors } from '../doors.js';
import type { Protocol } from '../protocol.js';
import { createFindRemote, parseNetwork } from './coap-addresses.js';
import { createCoapClient } from './coap-client.js';
import { createCoapServer } from './coap-server.js';

export interface CoapDeps {
  readonly doors: Doors;
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly endpoints: Pick<Endpoints, 'list' | 'onChange'>;
  readonly profileOf: (workspace: WorkspaceId, deviceId: string) => Promise<Profile | undefined>;
  readonly workspaces: readonly WorkspaceId[];
  readonly shareDuty: ShareDuty | undefined;
  readonly settings: DevicesSettings;
  readonly logger: Logger;
}

/** Makes what speaks CoAP: the server for devices that send, and the client for those that are asked. */
export function createCoap(deps: CoapDeps): Protocol[] {
  const { doors, devices, settings, logger } = deps;
  const { coapHost: host, coapPort: port, coapMaxObservers: maxObservers, maxPayloadBytes } = settings;
  const server = doors.add('COAP', (metered) =>
    createCoapServer({
      ...metered,
      ...{ host, port, logger, maxObservers, maxPayloadBytes },
      findDeviceId: async (workspace, idOrName) => (await devices.find(workspace, idOrName))?.id,
    }),
  );
  const networks = settings.coapNetworks.flatMap((text) => parseNetwork(text) ?? []);
  const client = doors.add('COAP', (metered) =>
    createCoapClient({ ...deps, ...metered, maxPayloadBytes, findRemote: createFindRemote(networks) }),
  );
  return [server, client];
}
