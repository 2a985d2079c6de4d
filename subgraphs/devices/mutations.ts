import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import type {
  RegisterDeviceInput,
  RemoveDeviceInput,
  UpdateDeviceInput,
  UserError,
} from './generated/schema-types.js';
import type { DeviceModel } from './models.js';
import { checkDeviceInput, nameTaken, noSuchDevice, toDeclaration } from './registration.js';
import type { ChangeOrigin, DeviceRegistry } from './registry.js';

/** What came of a registration or a change: the device, or why not. */
export interface DevicePayload {
  readonly device: DeviceModel | null;
  readonly userErrors: UserError[];
}

/** What came of a removal: the removed device's id, or why not. */
export interface RemovalPayload {
  readonly deviceId: string | null;
  readonly userErrors: UserError[];
}

/** The changes of the registry, each checked first, with everything that is wrong told at once. */
export interface DeviceMutations {
  register(input: RegisterDeviceInput, request: RequestContext): Promise<DevicePayload>;
  update(input: UpdateDeviceInput, request: RequestContext): Promise<DevicePayload>;
  remove(input: RemoveDeviceInput, request: RequestContext): Promise<RemovalPayload>;
}

/** Makes the changes of the registry. */
export function createDeviceMutations(registry: DeviceRegistry): DeviceMutations {
  return {
    async register(input, request) {
      const origin = toOrigin(request);
      const errors = checkDeviceInput(input);
      const nameIsRight = errors.every(({ path }) => path[0] !== 'name');
      if (nameIsRight && (await registry.isNameTaken(origin.workspace, input.name)))
        errors.push(nameTaken(input.name));
      if (errors.length > 0) return refused(errors);
      const { name, description, metrics } = input;
      const registration = { name, description: description ?? null, metrics: metrics.map(toDeclaration) };
      const created = await registry.create(origin, registration);
      return created === 'NAME_TAKEN' ? refused([nameTaken(name)]) : { device: created, userErrors: [] };
    },
    async update(input, request) {
      const origin = toOrigin(request);
      const { id, name } = input;
      const errors = checkDeviceInput(input);
      const nameIsRight = name != null && errors.every(({ path }) => path[0] !== 'name');
      if (nameIsRight && (await registry.isNameTaken(origin.workspace, name, id)))
        errors.push(nameTaken(name));
      if (errors.length > 0) return refused(errors);
      const updated = await registry.update(origin, id, {
        name: name ?? undefined,
        description: input.description,
        metrics: input.metrics?.map(toDeclaration),
      });
      if (updated === 'NAME_TAKEN') return refused([nameTaken(name ?? '')]);
      return updated === 'NOT_FOUND' ? refused([noSuchDevice(id)]) : { device: updated, userErrors: [] };
    },
    async remove({ id }, request) {
      const outcome = await registry.remove(toOrigin(request), id);
      if (outcome === 'NOT_FOUND') return { deviceId: null, userErrors: [noSuchDevice(id)] };
      return { deviceId: id, userErrors: [] };
    },
  };
}

function toOrigin({ principal, trace }: RequestContext): ChangeOrigin {
  return { workspace: principal.workspace, traceparent: trace.traceparent };
}

function refused(userErrors: UserError[]): DevicePayload {
  return { device: null, userErrors };
}
