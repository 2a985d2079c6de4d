import { AegisError } from '../../kernel/errors/aegis-error.js';
import type { Context } from './context.js';

/** The most values that a stream is filtered by. */
const MAX_FILTER = 1_000;

/**
 * Checks the devices that a stream is about; undefined means all.
 *
 * Errors: BAD_USER_INPUT for none or more than 1000; NOT_FOUND for a device that is not there.
 */
export async function checkDeviceIds(
  deviceIds: readonly string[] | null | undefined,
  { devices }: Pick<Context, 'devices'>,
): Promise<readonly string[] | undefined> {
  if (deviceIds == null) return undefined;
  checkFilterSize('deviceIds', deviceIds);
  const found = await devices.loadMany(deviceIds);
  const failure = found.find((device) => device instanceof Error);
  if (failure) throw failure;
  const missing = deviceIds.find((_id, index) => found[index] === undefined);
  if (missing === undefined) return [...new Set(deviceIds)];
  throw new AegisError('NOT_FOUND', `deviceIds: there is no device ${JSON.stringify(missing.slice(0, 64))}.`);
}

/** Checks how many values a filter has. Errors: BAD_USER_INPUT. */
export function checkFilterSize(
  name: string,
  values: readonly string[] | null | undefined,
  most = MAX_FILTER,
): void {
  if (!values || (values.length >= 1 && values.length <= most)) return;
  throw new AegisError(
    'BAD_USER_INPUT',
    `${name}: expected 1 to ${most}, got ${values.length}; leave it out for all.`,
  );
}
