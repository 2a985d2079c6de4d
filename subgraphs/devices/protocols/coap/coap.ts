import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type { DevicesSettings } from '../../config.js';
import type { KnownDevices } from '../../readings/known-devices.js';
import type { Doors } from '../doors.js';
import type { Protocol } from '../protocol.js';
import { createCoapServer } from './coap-server.js';

export interface CoapDeps {
  readonly doors: Doors;
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly settings: DevicesSettings;
  readonly logger: Logger;
}

/** Makes what speaks CoAP: the server for devices that send. */
export function createCoap({ doors, devices, settings, logger }: CoapDeps): Protocol[] {
  const { coapHost: host, coapPort: port, coapMaxObservers: maxObservers, maxPayloadBytes } = settings;
  const server = doors.add('COAP', (metered) =>
    createCoapServer({
      ...metered,
      ...{ host, port, logger, maxObservers, maxPayloadBytes },
      findDeviceId: async (workspace, idOrName) => (await devices.find(workspace, idOrName))?.id,
    }),
  );
  return [server];
}
