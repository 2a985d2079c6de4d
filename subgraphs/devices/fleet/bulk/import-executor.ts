import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import type { ExistingDevicePolicy } from '../../generated/schema-types.js';
import { findPin, isRefused } from '../../profiles/find-pin.js';
import { checkTogether, toDeclaration } from '../../registration.js';
import type { DevicePin, DeviceRegistry, Registration } from '../../registry.js';
import { readLabels } from '../labels.js';
import type { RunExecutor, RunStep, RunWork } from '../runs/run.js';
import type { RowDevice } from './check-row.js';
import type { ExistingDevice, ImportRegistry, PendingRow, RowOutcome, StoredImport } from './registry.js';

export interface ImportExecutorDeps {
  readonly imports: ImportRegistry;
  readonly registry: Pick<DeviceRegistry, 'update'>;
  readonly profiles: Parameters<typeof findPin>[0];
}

/** How many rows one step takes: their transaction stays short, and others get their turn between two. */
const ROWS_PER_STEP = 500;
const MAX_ATTEMPTS = 3;

/** Makes the work of registering the devices of a table. */
export function createImportExecutor(deps: ImportExecutorDeps): RunExecutor {
  const { imports } = deps;
  return {
    kind: 'DEVICE_IMPORT',
    async step({ workspace, id }: RunWork): Promise<RunStep> {
      const stored = await imports.find(workspace, id);
      const rows = stored ? await imports.findPending(workspace, id, ROWS_PER_STEP) : [];
      if (!stored || rows.length === 0) return { kind: 'done' };
      await takeRows(deps, { workspace, id, stored, rows });
      return {
        kind: 'again',
        done: await imports.countDone(workspace, id),
        total: await countAll(workspace, id),
      };
    },
  };

  async function countAll(workspace: WorkspaceId, id: string): Promise<number | null> {
    return (await imports.summarise(workspace, [id])).get(id)?.rows ?? null;
  }
}

interface Step {
  readonly workspace: WorkspaceId;
  readonly id: string;
  readonly stored: StoredImport;
  readonly rows: readonly PendingRow[];
}

async function takeRows(deps: ImportExecutorDeps, step: Step): Promise<void> {
  const { workspace, id, stored, rows } = step;
  const origin = { workspace, traceparent: stored.traceparent };
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const existing = await deps.imports.findExisting(
      workspace,
      rows.map(({ device }) => device.name),
    );
    const byName = new Map(existing.map((device) => [device.name, device]));
    const pins = await findPins(deps, step);
    const registrations: Registration[] = [];
    const outcomes: RowOutcome[] = [];
    for (const row of rows) {
      const known = byName.get(row.device.name);
      const taken = known
        ? await takeExisting(deps, { ...step, row, known, pins })
        : takeNew(row, pins.get(pinKey(row.device)));
      outcomes.push({ line: row.line, ...taken.told });
      if (taken.registration && !stored.dryRun) registrations.push(taken.registration);
    }
    if ((await deps.imports.commit(origin, id, { registrations, outcomes })) === 'DONE') return;
  }
}

type Pins = ReadonlyMap<string, DevicePin | { readonly mistake: string } | undefined>;

interface Taken {
  readonly told: Omit<RowOutcome, 'line'>;
  readonly registration?: Registration;
}

function pinKey({ profile, profileVersion }: RowDevice): string {
  return `${profile ?? ''}@${profileVersion ?? ''}`;
}

/** What the rows are to be pinned to: each profile is looked for once. */
async function findPins({ profiles }: ImportExecutorDeps, { workspace, rows }: Step): Promise<Pins> {
  const pins = new Map<string, DevicePin | { readonly mistake: string } | undefined>();
  for (const { device } of rows) {
    const key = pinKey(device);
    if (pins.has(key)) continue;
    const pin = await findPin(profiles, workspace, device);
    pins.set(key, isRefused(pin) ? { mistake: pin.refused.map(({ message }) => message).join(' ') } : pin);
  }
  return pins;
}

function takeNew({ device }: PendingRow, pin: DevicePin | { readonly mistake: string } | undefined): Taken {
  if (pin && 'mistake' in pin) return rejected(pin.mistake);
  const metrics = (device.metrics ?? []).map(toDeclaration);
  const [error] = checkTogether(metrics, pin?.metrics ?? []);
  if (error) return rejected(error.message);
  const { name, description, labels } = device;
  return {
    told: { outcome: 'CREATED' },
    registration: { name, description, labels, metrics, profile: pin ?? null },
  };
}

interface ExistingRow extends Step {
  readonly row: PendingRow;
  readonly known: ExistingDevice;
  readonly pins: Pins;
}

async function takeExisting(deps: ImportExecutorDeps, existing: ExistingRow): Promise<Taken> {
  const { stored, row, known, pins } = existing;
  const decided = decide(stored.onExisting, row.device, known);
  if (decided !== 'UPDATE') return decided;
  const { device } = row;
  const pin = pins.get(pinKey(device));
  if (pin && 'mistake' in pin) return rejected(pin.mistake);
  if (stored.dryRun) return { told: { outcome: 'UPDATED' } };
  const outcome = await deps.registry.update(
    { workspace: existing.workspace, traceparent: stored.traceparent },
    known.id,
    {
      name: undefined,
      description: device.description ?? undefined,
      metrics: device.metrics?.map(toDeclaration),
      profile: pin,
      labels: { ...readLabels(known.labels), ...device.labels },
    },
  );
  if (typeof outcome === 'object' && 'refused' in outcome)
    return rejected(outcome.refused.map(({ message }) => message).join(' '));
  return outcome === 'NOT_FOUND'
    ? rejected('The device was removed meanwhile.')
    : { told: { outcome: 'UPDATED' } };
}

function decide(policy: ExistingDevicePolicy, device: RowDevice, known: ExistingDevice): Taken | 'UPDATE' {
  if (policy === 'REJECT') return rejected('There is a device of this name already.');
  if (policy === 'KEEP' || !differs(device, known)) return { told: { outcome: 'UNCHANGED' } };
  return 'UPDATE';
}

/** Whether a row says anything new; own metrics are not compared, a row that has some is taken. */
function differs(device: RowDevice, known: ExistingDevice): boolean {
  const labels = readLabels(known.labels);
  return (
    device.metrics !== null ||
    (device.description !== null && device.description !== known.description) ||
    (device.profile !== null && device.profile !== known.profileName) ||
    (device.profileVersion !== null && device.profileVersion !== known.profileVersion) ||
    Object.entries(device.labels).some(([key, value]) => labels[key] !== value)
  );
}

function rejected(reason: string): Taken {
  return { told: { outcome: 'REJECTED', reason } };
}
