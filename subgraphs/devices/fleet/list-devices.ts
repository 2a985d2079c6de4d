import { checkPageSize, toConnection } from '../../../kernel/graphql/connection.js';
import type { Context } from '../context.js';
import { decodeDeviceCursor, encodeDeviceCursor, type DevicePlace } from '../device-page.js';
import type { DeviceOrder } from '../generated/schema-types.js';
import type { DeviceConnectionModel } from '../models.js';
import type { SelectionPage, Selections } from './selection/registry.js';
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
  args: DevicePageArgs,
  { principal, devices }: Context,
): Promise<DeviceConnectionModel> {
  const page = checkPage(args);
  return toPage(await selections.page(principal.workspace, selection, page), page, devices);
}

/** A page of the devices of a group, read together with those of the other groups of the request. Errors: likewise. */
export async function listGroup(
  groupId: string,
  args: DevicePageArgs,
  { groupPages, devices }: Context,
): Promise<DeviceConnectionModel> {
  const page = checkPage(args);
  return toPage(await groupPages.load({ groupId, ...page }), page, devices);
}

function checkPage({ first, after, orderBy }: DevicePageArgs): SelectionPage {
  const order = orderBy ?? 'NAME_ASC';
  return {
    ...{ first: checkPageSize(first ?? 20), order },
    after: after == null ? undefined : decodeDeviceCursor(order, after),
  };
}

async function toPage(
  places: readonly DevicePlace[],
  { first, after, order }: SelectionPage,
  devices: Context['devices'],
): Promise<DeviceConnectionModel> {
  const page = toConnection(places, {
    ...{ first, after: after !== undefined },
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
