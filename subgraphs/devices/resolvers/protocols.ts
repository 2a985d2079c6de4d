import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { decodeCursor, encodeCursor } from '../../../kernel/events/cursor.js';
import { checkPageSize, toConnection } from '../../../kernel/graphql/connection.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Endpoints } from '../endpoints/endpoints.js';
import type { DiscoveredDevice, ProtocolStatus, Resolvers } from '../generated/schema-types.js';
import type { Doors, DoorStatus } from '../protocols/doors.js';

export interface ProtocolResolverDeps {
  readonly doors: Pick<Doors, 'statuses'>;
  readonly endpoints: Endpoints;
  /** What was seen near by and is not registered, the strongest first. */
  readonly findDiscovered: (workspace: WorkspaceId) => Promise<DiscoveredDevice[]>;
}

const CURSOR_KIND = 'dsc';

/** Fields of protocols and of where devices are reached. */
export function createProtocolResolvers({ doors, endpoints, findDiscovered }: ProtocolResolverDeps) {
  return {
    Query: {
      protocols: () => doors.statuses().map(toStatus),
      async discoveredDevices(_parent, { first: wanted, after }, { principal }) {
        const first = checkPageSize(wanted);
        const all = await findDiscovered(principal.workspace);
        const from = after == null ? 0 : placeOf(after);
        const places = new Map(all.map((device, index) => [device, BigInt(index + 1)]));
        const { edges, pageInfo } = toConnection(all.slice(from, from + first + 1), {
          first,
          after: after != null,
          cursorOf: (device) => encodeCursor(CURSOR_KIND, places.get(device) ?? 0n),
        });
        return { edges: [...edges], pageInfo };
      },
    },
    Device: {
      endpoint: async ({ id }, _args, { endpoints: loader }) => (await loader.load(id)) ?? null,
    },
    Mutation: {
      async setDeviceEndpoint(_parent, { input }, context) {
        const { deviceId, userErrors } = await endpoints.mutations.set(input, context);
        const device = deviceId === null ? undefined : await context.devices.load(deviceId);
        return { device: device ?? null, userErrors };
      },
    },
  } satisfies Resolvers;
}

function placeOf(cursor: string): number {
  const place = Number(decodeCursor(CURSOR_KIND, cursor));
  if (Number.isSafeInteger(place)) return place;
  throw new AegisError('BAD_USER_INPUT', 'after: expected a cursor of this list.');
}

function toStatus({ health, lacks, url, ...status }: DoorStatus): ProtocolStatus {
  const reason = health.state === 'UP' ? (lacks ?? null) : health.reason;
  return { ...status, url: url ?? null, state: health.state, reason };
}
