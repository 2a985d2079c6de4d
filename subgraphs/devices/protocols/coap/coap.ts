import type { KnownDevices } from '../../readings/known-devices.js';
import type { DevicesSettings } from '../../config.js';
import type { Protocol, ProtocolDeps } from '../protocol.js';
import { createCoapServer } from './coap-server.js';

export interface CoapDeps extends Omit<ProtocolDeps, 'maxPayloadBytes'> {
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly settings: DevicesSettings;
}

/** Makes what speaks CoAP: the server for devices that send. */
export function createCoap({ devices, settings, ...deps }: CoapDeps): Protocol[] {
  const { coapHost: host, coapPort: port, coapMaxObservers: maxObservers, maxPayloadBytes } = settings;
  return [
    createCoapServer({
      ...deps,
      ...{ host, port, maxObservers, maxPayloadBytes },
      findDeviceId: async (workspace, idOrName) => (await devices.find(workspace, idOrName))?.id,
    }),
  ];
}
