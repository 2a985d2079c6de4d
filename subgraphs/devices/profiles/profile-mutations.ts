import type { RequestContext } from '../../../kernel/graphql/subgraph.js';
import type {
  CalibrateDeviceInput,
  DefineDeviceProfileInput,
  DeprecateDeviceProfileInput,
  UserError,
} from '../generated/schema-types.js';
import type { DeviceModel } from '../models.js';
import { noSuchDevice, type MetricDeclaration } from '../registration.js';
import type { DeviceRegistry, MetricCalibration } from '../registry.js';
import type { Catalogue } from './catalogue.js';
import { checkCalibration } from './check-metric.js';
import type { CheckProfile } from './check-profile.js';
import type { DeviceProfiles } from './device-profiles.js';
import type { ProfileRegistry, StoredProfile } from './registry.js';
import { toOrigin } from '../to-origin.js';

/** What came of a definition or a deprecation: the profile, or why not. */
export interface ProfilePayload {
  readonly profile: StoredProfile | null;
  readonly userErrors: UserError[];
}

/** What came of a calibration: the device, or why not. */
export interface CalibrationPayload {
  readonly device: DeviceModel | null;
  readonly userErrors: UserError[];
}

/** The changes of profiles and of calibrations, each checked first. */
export interface ProfileMutations {
  define(input: DefineDeviceProfileInput, request: RequestContext): Promise<ProfilePayload>;
  deprecate(input: DeprecateDeviceProfileInput, request: RequestContext): Promise<ProfilePayload>;
  calibrate(input: CalibrateDeviceInput, request: RequestContext): Promise<CalibrationPayload>;
}

export interface ProfileMutationsDeps {
  readonly registry: ProfileRegistry;
  readonly catalogue: Catalogue;
  readonly profiles: DeviceProfiles;
  readonly devices: Pick<DeviceRegistry, 'findMetrics' | 'calibrate'>;
  readonly check: CheckProfile;
}

/** Makes the changes of profiles. */
export function createProfileMutations(deps: ProfileMutationsDeps): ProfileMutations {
  const { registry, catalogue, devices, check } = deps;
  return {
    async define(input, request) {
      const origin = toOrigin(request);
      const checked = check(toDocument(input));
      if ('errors' in checked) return refuseProfile(checked.errors);
      const { name } = checked.definition;
      // One that the workspace had before the catalogue had its name goes on as the workspace's.
      const isReserved = catalogue.versions(name).length > 0;
      if (isReserved && (await registry.findNewest(origin.workspace, name)) === undefined)
        return refuseProfile([ofCatalogueAlready(name)]);
      return { profile: await registry.define(origin, checked.definition), userErrors: [] };
    },
    async deprecate({ name, version, deprecated }, request) {
      const pin = { name, version };
      const isThere = !name.includes('\u0000') && version >= 1;
      const at = deprecated === false ? null : new Date();
      const profile = isThere ? await registry.deprecate(toOrigin(request), pin, at) : undefined;
      if (profile) return { profile, userErrors: [] };
      const message = `The workspace has no profile ${JSON.stringify(name.slice(0, 64))} of version ${version}.`;
      return refuseProfile([{ code: 'NOT_FOUND', message, path: ['name'] }]);
    },
    async calibrate(input, request) {
      const { id, metric: name } = input;
      const origin = toOrigin(request);
      const metrics = (await devices.findMetrics(origin.workspace, [id])).get(id) ?? [];
      const metric = metrics.find((one) => one.name === name);
      if (!metric) return refuseDevice([metrics.length > 0 ? noSuchMetric(name, metrics) : noSuchDevice(id)]);
      const errors = checkCalibration({ type: metric.type, calibration: input.calibration }, ['calibration']);
      if (errors.length > 0) return refuseDevice(errors);
      const calibration = await toCalibration(input, metric, { ...deps, request });
      const device = await devices.calibrate(origin, id, calibration);
      return device === 'NOT_FOUND' ? refuseDevice([noSuchDevice(id)]) : { device, userErrors: [] };
    },
  };
}

async function toCalibration(
  { id, calibration }: CalibrateDeviceInput,
  { name: metric, fromProfile }: MetricDeclaration,
  { profiles, request }: { readonly profiles: DeviceProfiles; readonly request: RequestContext },
): Promise<MetricCalibration> {
  if (calibration != null) {
    const { gain, offset } = calibration;
    return { metric, gain: gain ?? 1, offset: offset ?? 0, calibratedAt: new Date() };
  }
  const profile = fromProfile ? await profiles.ofDevice(request.principal.workspace, id) : undefined;
  const property = profile?.properties.find(({ name }) => name === metric);
  return { metric, ...(property?.calibration ?? { gain: 1, offset: 0 }), calibratedAt: null };
}

/** The input as a file of the catalogue would have it. */
function toDocument({ actions, ...input }: DefineDeviceProfileInput): unknown {
  return {
    ...input,
    actions: actions?.map((action) => ({
      ...action,
      payload: action.payload === 'INPUT' ? 'input' : 'envelope',
    })),
  };
}

function ofCatalogueAlready(name: string): UserError {
  return {
    code: 'CONFLICT',
    message: `Expected a name that the catalogue does not have, got ${JSON.stringify(name)}; choose another one.`,
    path: ['name'],
  };
}

function noSuchMetric(name: string, metrics: readonly MetricDeclaration[]): UserError {
  const declared = metrics.slice(0, 20).map((metric) => metric.name);
  const message = `Expected a metric of the device (${declared.join(', ')}), got ${JSON.stringify(name.slice(0, 64))}.`;
  return { code: 'NOT_FOUND', message, path: ['metric'] };
}

function refuseProfile(userErrors: readonly UserError[]): ProfilePayload {
  return { profile: null, userErrors: [...userErrors] };
}

function refuseDevice(userErrors: readonly UserError[]): CalibrationPayload {
  return { device: null, userErrors: [...userErrors] };
}
