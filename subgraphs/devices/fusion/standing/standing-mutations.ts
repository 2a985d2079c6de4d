import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { RequestContext } from '../../../../kernel/graphql/subgraph.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type {
  CreateStandingFusionInput,
  RemoveStandingFusionInput,
  UpdateStandingFusionInput,
  UserError,
} from '../../generated/schema-types.js';
import { alignUp } from './compute-points.js';
import type { StandingFusionModel } from './models.js';
import { MAX_STANDING_FUSIONS, type StandingFusionRegistry } from './registry.js';
import { checkStandingFusion, type FusionDefinition, type FusionSelection } from './standing-fusion.js';

/** What came of a change: the fusion, or why not. */
export interface StandingFusionPayload {
  readonly standingFusion: StandingFusionModel | null;
  readonly userErrors: UserError[];
}

/** What came of a removal. */
export interface StandingFusionRemoval {
  readonly standingFusionId: string | null;
  readonly userErrors: UserError[];
}

/** The changes of standing fusions, each checked first. */
export interface StandingFusionMutations {
  create(input: CreateStandingFusionInput, request: RequestContext): Promise<StandingFusionPayload>;
  update(input: UpdateStandingFusionInput, request: RequestContext): Promise<StandingFusionPayload>;
  remove(input: RemoveStandingFusionInput, request: RequestContext): Promise<StandingFusionRemoval>;
}

export interface StandingFusionMutationsDeps {
  readonly registry: StandingFusionRegistry;
  /** The devices of a selection, at most `limit`. Errors: NOT_FOUND for a group that is not there. */
  readonly select: (
    workspace: WorkspaceId,
    selection: FusionSelection & { readonly metric: string },
    limit: number,
  ) => Promise<readonly string[]>;
  readonly now: () => number;
  /** Told of each change, once it is committed. */
  readonly onChange: (workspace: WorkspaceId) => void;
}

/** Makes the changes of standing fusions. */
export function createStandingFusionMutations(deps: StandingFusionMutationsDeps): StandingFusionMutations {
  const { registry, select, now, onChange } = deps;

  async function checkDevices(
    workspace: WorkspaceId,
    { metric, deviceIds, selection }: FusionDefinition,
  ): Promise<UserError[]> {
    if (!deviceIds) return checkGroups(workspace, { ...selection, metric });
    const declaring = new Set(await registry.declaring(workspace, metric, deviceIds, deviceIds.length));
    return deviceIds.flatMap((id, index) => (declaring.has(id) ? [] : [noSuchInput(id, metric, index)]));
  }

  /** A selection may mean no device as yet, but no group that is not there: no device would ever come by it. */
  async function checkGroups(
    workspace: WorkspaceId,
    selection: FusionSelection & { readonly metric: string },
  ): Promise<UserError[]> {
    try {
      await select(workspace, selection, 1);
      return [];
    } catch (error) {
      if (!(error instanceof AegisError) || error.code !== 'NOT_FOUND') throw error;
      return [{ code: error.code, message: error.message, path: ['selection', 'groups'] }];
    }
  }

  return {
    async create(input, { principal: { workspace }, trace: { traceparent } }) {
      const checked = checkStandingFusion(input);
      if ('userErrors' in checked) return refused(checked.userErrors);
      const { definition } = checked;
      const userErrors = await checkDevices(workspace, definition);
      if (userErrors.length > 0) return refused(userErrors);
      const nextAt = new Date(alignUp(now(), definition.stepMs));
      const created = await registry.create(
        { workspace, traceparent },
        { name: input.name, definition, nextAt },
      );
      if (created === 'NAME_TAKEN') return refused([nameTaken(input.name)]);
      if (created === 'TOO_MANY') return refused([tooMany()]);
      onChange(workspace);
      return { standingFusion: created, userErrors: [] };
    },
    async update({ id, ...change }, { principal: { workspace }, trace: { traceparent } }) {
      const [former] = await registry.find(workspace, [id]);
      if (!former) return refused([noSuchFusion(id)]);
      const name = change.name ?? former.name;
      const checked = checkStandingFusion({ ...merge(former.definition, change), name });
      if ('userErrors' in checked) return refused(checked.userErrors);
      const { definition } = checked;
      const userErrors = await checkDevices(workspace, definition);
      if (userErrors.length > 0) return refused(userErrors);
      const restart = computesTheSame(former.definition, definition)
        ? undefined
        : { nextAt: new Date(alignUp(former.nextAt.getTime(), definition.stepMs)) };
      const updated = await registry.update({ workspace, traceparent }, id, { name, definition, restart });
      if (updated === 'NAME_TAKEN') return refused([nameTaken(name)]);
      if (updated === 'NOT_FOUND') return refused([noSuchFusion(id)]);
      onChange(workspace);
      return { standingFusion: updated, userErrors: [] };
    },
    async remove({ id }, { principal: { workspace }, trace: { traceparent } }) {
      const outcome = await registry.remove({ workspace, traceparent }, id);
      if (outcome === 'NOT_FOUND') return { standingFusionId: null, userErrors: [noSuchFusion(id)] };
      onChange(workspace);
      return { standingFusionId: id, userErrors: [] };
    },
  };
}

/** What is left out, or null, stays; devices take the place of a selection and the other way round. */
function merge(former: FusionDefinition, change: Omit<UpdateStandingFusionInput, 'id'>) {
  const { metric, deviceIds, selection, config, latenessMs, retentionHours } = change;
  const isChosenAnew = deviceIds != null || selection != null;
  return {
    metric: metric ?? former.metric,
    deviceIds: isChosenAnew ? deviceIds : former.deviceIds,
    selection: isChosenAnew ? selection : former.selection,
    config: config ?? { ...former.config, stepMs: former.stepMs },
    latenessMs: latenessMs ?? former.latenessMs,
    retentionHours: retentionHours ?? former.retentionHours,
  };
}

function computesTheSame(one: FusionDefinition, other: FusionDefinition): boolean {
  const whatOf = ({ metric, deviceIds, selection, config, stepMs }: FusionDefinition) =>
    JSON.stringify([metric, deviceIds, selection, Object.entries({ ...config, stepMs }).sort()]);
  return whatOf(one) === whatOf(other);
}

function refused(userErrors: UserError[]): StandingFusionPayload {
  return { standingFusion: null, userErrors };
}

function nameTaken(name: string): UserError {
  const message = `There already is a standing fusion named ${JSON.stringify(name)}; choose another name, or update that one.`;
  return { code: 'CONFLICT', message, path: ['name'] };
}

function tooMany(): UserError {
  const message = `Expected at most ${MAX_STANDING_FUSIONS} standing fusions in a workspace; remove one first.`;
  return { code: 'CONFLICT', message, path: [] };
}

function noSuchFusion(id: string): UserError {
  const message = `There is no standing fusion ${JSON.stringify(id.slice(0, 80))}; it may have been removed.`;
  return { code: 'NOT_FOUND', message, path: ['id'] };
}

function noSuchInput(id: string, metric: string, index: number): UserError {
  const message = `There is no device ${JSON.stringify(id.slice(0, 80))} that declares ${metric}.`;
  return { code: 'NOT_FOUND', message, path: ['deviceIds', String(index)] };
}
