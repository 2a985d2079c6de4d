import { checkPageSize, toConnection } from '../../../kernel/graphql/connection.js';
import type { Context } from '../context.js';
import { decodeDeviceCursor, encodeDeviceCursor } from '../device-page.js';
import type { DeviceOrder } from '../generated/schema-types.js';
import type { DeviceConnectionModel } from '../models.js';
import type { Selections } from './selection/registry.js';
import type { Selection } from './selection/selection.js';

/** What is asked of a page of devices. */
export interface DevicePageArgs {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly orderBy?: DeviceOrder | null | undefined;
}

/**
 * A page of the devices that are selected: one statement finds them, one reads them.
 *
 * Errors: BAD_USER_INPUT for a page that cannot be, NOT_FOUND for a group that is not there.
 */
export async function listDevices(
  selections: Selections,
  selection: Selection,
  { first: wanted, after, orderBy }: DevicePageArgs,
  { principal, devices }: Context,
): Promise<DeviceConnectionModel> {
  const first = checkPageSize(wanted ?? 20);
  const order = orderBy ?? 'NAME_ASC';
  const places = await selections.page(principal.workspace, selection, {
    ...{ first, order },
    after: after == null ? undefined : decodeDeviceCursor(order, after),
  });
  const page = toConnection(places, {
    ...{ first, after: after != null },
    cursorOf: (place) => encodeDeviceCursor(order, place),
  });
  const edges = await Promise.all(
    page.edges.map(async ({ cursor, node: { id } }) => ({ cursor, node: await devices.load(id) })),
  );
  return {
    ...page,
    // One that was removed since it was found.
    edges: edges.flatMap(({ cursor, node }) => (node ? [{ cursor, node }] : [])),
  };
}
