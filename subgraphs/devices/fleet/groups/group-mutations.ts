import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { RequestContext } from '../../../../kernel/graphql/subgraph.js';
import type {
  CreateDeviceGroupInput,
  DeviceFilter,
  LabelDevicesInput,
  RemoveDeviceGroupInput,
  UpdateDeviceGroupInput,
  UserError,
} from '../../generated/schema-types.js';
import { checkDescription } from '../../profiles/check-metric.js';
import { checkDeviceName } from '../../registration.js';
import { checkLabelKey, checkLabels, MAX_LABELS, toLabels } from '../labels.js';
import type { DeviceGroupModel } from '../models.js';
import type { LabelRegistry } from '../registry.js';
import { checkSavedSelection, checkSelection } from '../selection/selection.js';
import type { GroupRegistry } from './registry.js';
import { toOrigin } from '../../to-origin.js';

/** What came of making or changing a group: it, or why not. */
export interface GroupPayload {
  readonly group: DeviceGroupModel | null;
  readonly userErrors: UserError[];
}

/** The changes of groups and of labels, each checked first, with everything that is wrong told at once. */
export interface GroupMutations {
  create(input: CreateDeviceGroupInput, request: RequestContext): Promise<GroupPayload>;
  update(input: UpdateDeviceGroupInput, request: RequestContext): Promise<GroupPayload>;
  remove(
    input: RemoveDeviceGroupInput,
    request: RequestContext,
  ): Promise<{ groupId: string | null; userErrors: UserError[] }>;
  label(
    input: LabelDevicesInput,
    request: RequestContext,
  ): Promise<{ changed: number | null; userErrors: UserError[] }>;
}

export interface GroupMutationsDeps {
  readonly groups: GroupRegistry;
  readonly labels: LabelRegistry;
}

/** The most devices that are put into a group, or taken out of it, at once. */
const MAX_MEMBERS = 10_000;

/** Makes the changes of groups and labels. */
export function createGroupMutations({ groups, labels }: GroupMutationsDeps): GroupMutations {
  return {
    async create(input, request) {
      const { name, description, deviceIds, selection } = input;
      const errors = [
        ...checkDeviceName(name),
        ...checkDescription(description, ['description']),
        ...checkMembers(deviceIds, 'deviceIds'),
        ...checkGroupSelection(selection),
      ];
      if (errors.length > 0) return { group: null, userErrors: errors };
      const outcome = await groups.create(toOrigin(request), {
        ...{ name, description: description ?? null, selection: selection ?? null },
        deviceIds: deviceIds ?? [],
      });
      return toPayload(outcome, { name, id: '', field: 'deviceIds' });
    },
    async update({ id, name, description, selection, addDeviceIds, removeDeviceIds }, request) {
      const errors = [
        ...(name == null ? [] : checkDeviceName(name)),
        ...checkDescription(description, ['description']),
        ...checkMembers(addDeviceIds, 'addDeviceIds'),
        ...checkMembers(removeDeviceIds, 'removeDeviceIds'),
        ...checkGroupSelection(selection),
      ];
      if (errors.length > 0) return { group: null, userErrors: errors };
      const outcome = await groups.update(toOrigin(request), id, {
        ...{ name: name ?? undefined, description, selection },
        add: addDeviceIds ?? [],
        remove: removeDeviceIds ?? [],
      });
      return toPayload(outcome, { name: name ?? '', id, field: 'addDeviceIds' });
    },
    async remove({ id }, request) {
      const outcome = await groups.remove(toOrigin(request), id);
      if (outcome === 'NOT_FOUND') return { groupId: null, userErrors: [noSuchGroup(id)] };
      return { groupId: id, userErrors: [] };
    },
    async label({ selection, set, remove }, request) {
      const errors = checkLabelling(set ?? [], remove ?? []);
      if (errors.length > 0) return { changed: null, userErrors: errors };
      const outcome = await labels.label(toOrigin(request), checkSelection(selection), {
        set: toLabels(set ?? []),
        remove: remove ?? [],
      });
      if ('changed' in outcome) return { ...outcome, userErrors: [] };
      const message = `Expected at most ${MAX_LABELS} labels of one device, but ${quote(outcome.overfull)} would have more.`;
      return { changed: null, userErrors: [{ code: 'BAD_USER_INPUT', message, path: ['set'] }] };
    },
  };
}

/** On whose behalf a request changes something. */

function checkLabelling(
  set: readonly { readonly key: string; readonly value: string }[],
  remove: readonly string[],
): UserError[] {
  if (set.length === 0 && remove.length === 0) {
    const message = 'Expected labels to set or to remove, got neither.';
    return [{ code: 'BAD_USER_INPUT', message, path: [] }];
  }
  return [
    ...checkLabels(set, ['set']),
    ...remove.flatMap((key, index) => checkLabelKey(key, ['remove', String(index)])),
  ];
}

function checkMembers(ids: readonly string[] | null | undefined, field: string): UserError[] {
  if (!ids || ids.length <= MAX_MEMBERS) return [];
  const message = `Expected at most ${MAX_MEMBERS} ids, got ${ids.length}.`;
  return [{ code: 'BAD_USER_INPUT', message, path: [field] }];
}

function checkGroupSelection(selection: DeviceFilter | null | undefined): UserError[] {
  try {
    if (selection) checkSavedSelection(selection);
    return [];
  } catch (error) {
    if (!(error instanceof AegisError)) throw error;
    return [{ code: error.code, message: error.message, path: ['selection'] }];
  }
}

type Outcome = Awaited<ReturnType<GroupRegistry['create' | 'update']>>;

function toPayload(
  outcome: Outcome,
  asked: { readonly name: string; readonly id: string; readonly field: string },
): GroupPayload {
  if (outcome === 'NAME_TAKEN') return refused(nameTaken(asked.name));
  if (outcome === 'NOT_FOUND') return refused(noSuchGroup(asked.id));
  if ('unknownDevice' in outcome) {
    const message = `There is no device ${quote(outcome.unknownDevice)}; it may have been removed.`;
    return refused({ code: 'NOT_FOUND', message, path: [asked.field] });
  }
  return { group: outcome, userErrors: [] };
}

function refused(error: UserError): GroupPayload {
  return { group: null, userErrors: [error] };
}

function nameTaken(name: string): UserError {
  const message = `There already is a device group named ${quote(name)}; choose another name.`;
  return { code: 'CONFLICT', message, path: ['name'] };
}

function noSuchGroup(id: string): UserError {
  const message = `There is no device group ${quote(id)}; it may have been removed.`;
  return { code: 'NOT_FOUND', message, path: ['id'] };
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
