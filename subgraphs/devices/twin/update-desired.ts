import type { RequestContext } from '../../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { UpdateDesiredInput, UserError } from '../generated/schema-types.js';
import type { Profile } from '../profiles/profile.js';
import { checkDesired } from './check-desired.js';
import { checkJson } from './check-json.js';
import { isJsonObject, type JsonObject } from './merge-patch.js';
import type { DeviceTwinModel } from './models.js';
import type { TwinChangeOutcome, TwinStore } from './storage/twin-store.js';

/** What came of a change of what is desired: the twin, or why not. */
export interface UpdateDesiredOutcome {
  readonly twin: DeviceTwinModel | null;
  readonly userErrors: UserError[];
}

/** Changes what is desired of a device; what is wrong with the patch is told at once. */
export type UpdateDesired = (
  input: UpdateDesiredInput,
  request: Pick<RequestContext, 'principal' | 'trace'>,
) => Promise<UpdateDesiredOutcome>;

export interface UpdateDesiredDeps {
  readonly store: Pick<TwinStore, 'change'>;
  readonly profileOf: (workspace: WorkspaceId, deviceId: string) => Promise<Profile | undefined>;
  readonly maxDocumentBytes: number;
}

/** Makes the change. */
export function createUpdateDesired({
  store,
  profileOf,
  maxDocumentBytes,
}: UpdateDesiredDeps): UpdateDesired {
  return async ({ deviceId, patch: given, expectedVersion }, { principal, trace }) => {
    const { workspace } = principal;
    const patch = checkPatch(given);
    if (Array.isArray(patch)) return refused(patch);
    const errors = checkDesired(patch, await profileOf(workspace, deviceId));
    if (errors.length > 0) return refused(errors);
    const outcome = await store.change({
      ...{ workspace, deviceId, side: 'DESIRED', patch },
      expectedVersion: expectedVersion ?? undefined,
      changedBy: principal.subject,
      traceparent: trace.traceparent,
    });
    return toPayload(outcome, deviceId, maxDocumentBytes);
  };
}

function checkPatch(given: unknown): JsonObject | UserError[] {
  const checked = checkJson(given);
  if (checked.problem !== undefined) {
    return [refuse(checked.tooLarge ? 'PAYLOAD_TOO_LARGE' : 'BAD_USER_INPUT', `Patch: ${checked.problem}.`)];
  }
  if (isJsonObject(checked.value)) return checked.value;
  return [refuse('BAD_USER_INPUT', 'Expected a merge patch, which is a JSON object, got another value.')];
}

function toPayload(
  outcome: TwinChangeOutcome,
  deviceId: string,
  maxDocumentBytes: number,
): UpdateDesiredOutcome {
  switch (outcome.kind) {
    case 'changed':
    case 'unchanged':
      return { twin: outcome.twin, userErrors: [] };
    case 'conflict': {
      const { version, desiredVersion } = outcome.twin;
      const message =
        `What is desired was last changed in version ${desiredVersion} of the twin, which is at ${version}; ` +
        'read it again and make the change for what it is now.';
      return refused([{ code: 'CONFLICT', message, path: ['expectedVersion'] }]);
    }
    case 'too-large': {
      const message =
        `Expected that what is desired stays within ${maxDocumentBytes} bytes of JSON, it would have ` +
        `${outcome.bytes}; desire less, or remove members with null.`;
      return refused([refuse('PAYLOAD_TOO_LARGE', message)]);
    }
    case 'no-device': {
      const message = `There is no device ${JSON.stringify(deviceId.slice(0, 80))}; it may have been removed.`;
      return refused([{ code: 'NOT_FOUND', message, path: ['deviceId'] }]);
    }
  }
}

function refuse(code: string, message: string): UserError {
  return { code, message, path: ['patch'] };
}

function refused(userErrors: UserError[]): UpdateDesiredOutcome {
  return { twin: null, userErrors };
}
