import { z } from 'zod';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { checkSelection } from '../../fleet/selection/selection.js';
import type { FuseReadingsConfig, UserError } from '../../generated/schema-types.js';
import { checkFusion } from '../check-fusion.js';
import type { FusionOptions } from '../fuse-tracks.js';

/** Which devices are fused, when they are not given by name. */
export interface FusionSelection {
  readonly profile?: string;
  readonly labels?: string;
  readonly groups?: string[];
}

/** A standing fusion as it is kept; checked. */
export interface FusionDefinition {
  readonly metric: string;
  /** Undefined for a selection. */
  readonly deviceIds?: readonly string[];
  readonly selection?: FusionSelection;
  /** What was given. */
  readonly config: FuseReadingsConfig;
  readonly stepMs: number;
  readonly latenessMs: number;
  readonly retentionHours: number;
}

/** A standing fusion as it was sent. */
export interface FusionInput {
  readonly name: string;
  readonly metric: string;
  readonly deviceIds?: readonly string[] | null | undefined;
  readonly selection?: object | null | undefined;
  readonly config?: FuseReadingsConfig | null | undefined;
  readonly latenessMs?: number | null | undefined;
  readonly retentionHours?: number | null | undefined;
}

/** The distance of two points when none is given. */
const USUAL_STEP_MS = 1_000;
const SMALLEST_STEP_MS = 100;
const LARGEST_STEP_MS = 86_400_000;
const USUAL_LATENESS_MS = 2_000;
const USUAL_RETENTION_HOURS = 168;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

const selectionSchema = z.strictObject({
  profile: z.string().optional(),
  labels: z.string().optional(),
  groups: z.array(z.string()).min(1, 'Expected one group or more').optional(),
});

/** Checks a standing fusion, and tells what is wrong with it. */
export function checkStandingFusion(
  input: FusionInput,
): { readonly definition: FusionDefinition } | { readonly userErrors: UserError[] } {
  const userErrors: UserError[] = [];
  const attempt = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof AegisError)) throw error;
      userErrors.push(toUserError(error.message));
      return undefined;
    }
  };
  if (!NAME.test(input.name)) {
    const rule = '1 to 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit';
    userErrors.push(toUserError(`name: expected ${rule}, got ${JSON.stringify(input.name.slice(0, 80))}.`));
  }
  const selection = attempt(() => checkChoice(input));
  const stepMs = attempt(() =>
    checkWhole('config.stepMs', input.config?.stepMs ?? USUAL_STEP_MS, [SMALLEST_STEP_MS, LARGEST_STEP_MS]),
  );
  const latenessMs = attempt(() =>
    checkWhole('latenessMs', input.latenessMs ?? USUAL_LATENESS_MS, [0, 3_600_000]),
  );
  const retentionHours = attempt(() =>
    checkWhole('retentionHours', input.retentionHours ?? USUAL_RETENTION_HOURS, [1, 87_600]),
  );
  const { metric, deviceIds } = input;
  const config = withoutNulls(input.config);
  attempt(() => optionsOf({ metric, config, stepMs: stepMs ?? USUAL_STEP_MS }, deviceIds ?? ['any'], config));
  if (userErrors.length > 0) return { userErrors };
  return {
    definition: {
      ...{
        metric,
        config,
        stepMs: stepMs ?? 0,
        latenessMs: latenessMs ?? 0,
        retentionHours: retentionHours ?? 0,
      },
      ...(deviceIds ? { deviceIds: [...new Set(deviceIds)] } : {}),
      ...(selection ? { selection } : {}),
    },
  };
}

/**
 * The options of a fusion over one step; begin and end are the caller's. Errors: BAD_USER_INPUT for a configuration that
 * cannot be.
 *
 * @param config what was given, with the defaults of profiles.
 */
export function optionsOf(
  { metric, stepMs }: Pick<FusionDefinition, 'metric' | 'stepMs' | 'config'>,
  deviceIds: readonly string[],
  config: FuseReadingsConfig,
): FusionOptions {
  const range = { from: new Date(0), to: new Date(stepMs) };
  const args = { deviceIds: [...deviceIds], metric, range, config: { ...config, stepMs } };
  return checkFusion(args, range.to).options;
}

function checkChoice({ deviceIds, selection, config }: FusionInput): FusionSelection | undefined {
  if ((deviceIds == null) === (selection == null)) {
    throw new AegisError('BAD_USER_INPUT', 'deviceIds: expected either devices or a selection.');
  }
  if (selection == null) return undefined;
  if (config?.variances?.length) {
    const message =
      'config.variances: expected none for a selection, which names no devices; use config.defaultVariance.';
    throw new AegisError('BAD_USER_INPUT', message);
  }
  const parsed = selectionSchema.safeParse(
    Object.fromEntries(Object.entries(selection).filter(([, value]) => value != null)),
  );
  const chosen = (parsed.data ?? {}) as FusionSelection;
  if (!parsed.success || Object.keys(chosen).length === 0) {
    throw new AegisError(
      'BAD_USER_INPUT',
      'selection: expected a profile, labels or groups, got none of them.',
    );
  }
  checkSelection(chosen);
  return chosen;
}

function checkWhole(path: string, value: number, [smallest, largest]: readonly [number, number]): number {
  if (Number.isInteger(value) && value >= smallest && value <= largest) return value;
  throw new AegisError(
    'BAD_USER_INPUT',
    `${path}: expected a whole number from ${smallest} to ${largest}, got ${value}.`,
  );
}

function withoutNulls(config: FuseReadingsConfig | null | undefined): FuseReadingsConfig {
  return Object.fromEntries(Object.entries(config ?? {}).filter(([, value]) => value != null));
}

/** The messages of checks begin with the path that they are about. */
function toUserError(message: string): UserError {
  const [, path, text] = /^([A-Za-z0-9.]+): (.*)$/s.exec(message) ?? [];
  if (path === undefined || text === undefined) return { code: 'BAD_USER_INPUT', message, path: [] };
  return {
    code: 'BAD_USER_INPUT',
    message: `${text.charAt(0).toUpperCase()}${text.slice(1)}`,
    path: path.split('.'),
  };
}
