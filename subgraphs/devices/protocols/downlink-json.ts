import type { Downlink } from '../sessions/session.js';

/**
 * What a device is sent: of a command `{"id", "action", "input", "expiresAt"}` or, for devices that know no wrapper, the
 * input alone; of what is desired `{"version", "desired"}`.
 */
export function toDownlinkJson(downlink: Downlink): unknown {
  if (downlink.kind === 'desired') return { version: downlink.version, desired: downlink.desired };
  const { id, action, input, expiresAt } = downlink;
  return downlink.payload === 'input' ? input : { id, action, input, expiresAt: expiresAt.toISOString() };
}
