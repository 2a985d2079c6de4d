import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { DeviceMessage } from '../protocols/protocol.js';
import type { KnownDevices } from '../readings/known-devices.js';
import { decodeMessage } from './decode-message.js';
import { findSender, unknownSender } from './device-message.js';
import type { TwinStore } from './storage/twin-store.js';

export interface ReportDeps {
  readonly devices: Pick<KnownDevices, 'find'>;
  readonly store: Pick<TwinStore, 'change'>;
  readonly maxDocumentBytes: number;
}

/** In whose name a device's own changes are made. */
const BY_DEVICE = 'device';

/**
 * Makes the door for what devices report of themselves: a merge patch (RFC 7396) in JSON or CBOR. What says nothing new is
 * taken and leaves no trace, so that a device may repeat itself as often as it likes.
 *
 * Errors of a report: BAD_USER_INPUT, PAYLOAD_TOO_LARGE, NOT_FOUND for what will never be taken; those of the database.
 */
export function createReport({
  devices,
  store,
  maxDocumentBytes,
}: ReportDeps): (message: DeviceMessage) => Promise<void> {
  return async (message) => {
    const patch = decodeMessage(message.payload, 'twin');
    const { id: deviceId } = await findSender(devices, message, 'twin');
    const outcome = await store.change({
      ...{ workspace: message.workspace, deviceId, side: 'REPORTED', patch },
      changedBy: BY_DEVICE,
    });
    if (outcome.kind === 'no-device') throw unknownSender('twin', message.device);
    if (outcome.kind !== 'too-large') return;
    throw new AegisError(
      'PAYLOAD_TOO_LARGE',
      `twin: expected that what the device reports stays within ${maxDocumentBytes} bytes of JSON, it would have ` +
        `${outcome.bytes}; report less, or remove members by reporting them as null.`,
    );
  };
}
