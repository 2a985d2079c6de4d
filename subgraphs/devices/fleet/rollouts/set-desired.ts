import { traceOf } from '../../../../kernel/telemetry/trace-context.js';
import type { UpdateDesired } from '../../twin/update-desired.js';
import type { SetDesired } from './rollout-executor.js';

/** Changes what is desired on behalf of whoever made the rollout, by the same rules as for anybody else. */
export function createSetDesired(updateDesired: UpdateDesired): SetDesired {
  return async ({ workspace, deviceId, patch, changedBy: subject, traceparent }) => {
    const { userErrors } = await updateDesired(
      { deviceId, patch },
      { principal: { subject, workspace, roles: [] }, trace: traceOf({ traceparent }) },
    );
    return userErrors.length === 0 ? undefined : userErrors.map(({ message }) => message).join(' ');
  };
}
