import { openDeadline } from '../../../kernel/lifecycle/open-deadline.js';
import { untilAborted } from '../../../kernel/lifecycle/until-aborted.js';
import type { Delivery, DeviceSession, Downlink } from './session.js';

/** How long one send to a device may take, its acknowledgement included, in milliseconds. */
const SEND_TIMEOUT_MS = 10_000;

/**
 * Sends something down to a device, but waits no longer than ten seconds, also for a protocol that does not
 * heed its signal.
 *
 * Errors: those of the session; UPSTREAM_TIMEOUT when the device did not acknowledge in time; CANCELLED by the signal.
 */
export async function sendDown(
  session: DeviceSession,
  downlink: Downlink,
  signal: AbortSignal,
): Promise<Delivery> {
  const message = `the device did not take it within ${SEND_TIMEOUT_MS} ms`;
  const deadline = openDeadline(signal, SEND_TIMEOUT_MS, message);
  try {
    return await untilAborted(session.send(downlink, deadline.signal), deadline.signal);
  } finally {
    deadline.close();
  }
}
