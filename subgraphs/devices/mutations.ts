import type { RequestContext } from '../../kernel/graphql/subgraph.js';
import { toLabels } from './fleet/labels.js';
import type {
  RegisterDeviceInput,
  RemoveDeviceInput,
  UpdateDeviceInput,
  UserError,
} from './generated/schema-types.js';
import type { DeviceModel } from './models.js';
import type { DeviceProfiles } from './profiles/device-profiles.js';
import { findNextPin, findPin, isRefused } from './profiles/find-pin.js';
import type { Units } from './profiles/units.js';
import {
  checkDeviceInput,
  checkTogether,
  nameTaken,
  noSuchDevice,
  toDeclaration,
  type DeviceInput,
} from './registration.js';
import type { ChangeOrigin, DeviceRegistry } from './registry.js';
import { toOrigin } from './to-origin.js';

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

export interface DeviceMutationsDeps {
  readonly registry: DeviceRegistry;
  readonly units: Units;
  readonly profiles: Pick<DeviceProfiles, 'find' | 'findNewest'>;
}

/** Makes the changes of the registry. */
export function createDeviceMutations({ registry, units, profiles }: DeviceMutationsDeps): DeviceMutations {
  /** Everything that is wrong with what was sent, its name being another's included. */
  async function check({ workspace }: ChangeOrigin, input: DeviceInput, id?: string): Promise<UserError[]> {
    const errors = checkDeviceInput(input, units);
    const { name } = input;
    if (name == null || errors.some(({ path }) => path[0] === 'name')) return errors;
    return (await registry.isNameTaken(workspace, name, id)) ? [...errors, nameTaken(name)] : errors;
  }

  return {
    async register(input, request) {
      const origin = toOrigin(request);
      const errors = await check(origin, input);
      const pin = await findPin(profiles, origin.workspace, input);
      if (isRefused(pin)) return refused([...errors, ...pin.refused]);
      if (errors.length > 0) return refused(errors);
      const metrics = (input.metrics ?? []).map(toDeclaration);
      const together = checkTogether(metrics, pin?.metrics ?? []);
      if (together.length > 0) return refused(together);
      const { name, description = null, labels } = input;
      const created = await registry.create(origin, {
        ...{ name, description, metrics, profile: pin ?? null },
        labels: toLabels(labels ?? []),
      });
      return created === 'NAME_TAKEN' ? refused([nameTaken(name)]) : { device: created, userErrors: [] };
    },
    async update(input, request) {
      const origin = toOrigin(request);
      const { id, name, description } = input;
      const errors = await check(origin, input, id);
      const pin = await findNextPin({ registry, profiles }, origin.workspace, input);
      if (isRefused(pin)) return refused([...errors, ...pin.refused]);
      if (errors.length > 0) return refused(errors);
      const updated = await registry.update(origin, id, {
        ...{ name: name ?? undefined, description, profile: pin },
        metrics: input.metrics?.map(toDeclaration),
        labels: input.labels ? toLabels(input.labels) : undefined,
      });
      if (updated === 'NAME_TAKEN') return refused([nameTaken(name ?? '')]);
      if (updated === 'NOT_FOUND') return refused([noSuchDevice(id)]);
      return 'refused' in updated ? refused(updated.refused) : { device: updated, userErrors: [] };
    },
    async remove({ id }, request) {
      const outcome = await registry.remove(toOrigin(request), id);
      if (outcome === 'NOT_FOUND') return { deviceId: null, userErrors: [noSuchDevice(id)] };
      return { deviceId: id, userErrors: [] };
    },
  };
}

function refused(userErrors: readonly UserError[]): DevicePayload {
  return { device: null, userErrors: [...userErrors] };
}
