import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { DeviceMessage } from '../protocols/protocol.js';
import type { KnownDevice, KnownDevices } from '../readings/known-devices.js';

/**
 * The device that a message is from.
 *
 * Errors: NOT_FOUND.
 *
 * @param what names the message in errors, such as `twin`.
 */
export async function findSender(
  devices: Pick<KnownDevices, 'find'>,
  { workspace, device }: Pick<DeviceMessage, 'workspace' | 'device'>,
  what: string,
): Promise<KnownDevice> {
  const found = await devices.find(workspace, device);
  if (found) return found;
  throw unknownSender(what, device);
}

/** The refusal of a message from a device that is not there. */
export function unknownSender(what: string, device: string): AegisError {
  return new AegisError(
    'NOT_FOUND',
    `${what}: there is no device ${JSON.stringify(device.slice(0, 64))} in this workspace; register it with ` +
      'registerDevice first.',
  );
}
