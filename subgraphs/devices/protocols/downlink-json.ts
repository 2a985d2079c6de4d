import type { Downlink, ReadQuestion } from '../sessions/session.js';

/**
 * What a device is sent: of a command `{"id", "action", "input", "expiresAt"}` or, for devices that know no wrapper, the
 * input alone; of what is desired `{"version", "desired"}`; of what it is asked for `{"id", "metrics", "expiresAt"}`.
 */
export function toDownlinkJson(downlink: Downlink | ReadQuestion): unknown {
  if (downlink.kind === 'desired') return { version: downlink.version, desired: downlink.desired };
  const { id, expiresAt } = downlink;
  if (downlink.kind === 'read') return { id, metrics: downlink.metrics, expiresAt: expiresAt.toISOString() };
  const { action, input } = downlink;
  return downlink.payload === 'input' ? input : { id, action, input, expiresAt: expiresAt.toISOString() };
}
