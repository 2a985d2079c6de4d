import type { Database } from '../../kernel/database/database.js';
import type { WorkspaceId } from '../../kernel/identity/principal.js';
import type { NodeModel } from './models.js';
import { createRegistry, type KnownDevice, type Registry } from './registry.js';
import type { Refusal } from './refusal.js';
import { isDeviceSignal, isSameSignal, type DeviceSignal, type Signal, type SignalSource } from './signal.js';

/** A node and its signal as a caller gives them: without device and metric, the signal is taken away. */
export interface AssignmentInput {
  readonly index: number;
  readonly deviceId?: string | null | undefined;
  readonly metric?: string | null | undefined;
  /** STATE for states that are pushed to the node; a device's metric when left out. */
  readonly source?: SignalSource | null | undefined;
}

/** What came of an assignment. */
export interface AssignmentOutcome {
  /** The node as it is now; null when the assignment was refused. */
  readonly node: NodeModel | null;
  readonly userErrors: Refusal[];
}

/** Gives a node its signal by hand, or takes it away. What the caller can mend is an outcome, not an error. */
export async function assignNode(
  database: Database,
  workspace: WorkspaceId,
  input: AssignmentInput,
): Promise<AssignmentOutcome> {
  const { source } = input;
  const wanted = source === 'STATE' || source === 'GENERATOR' ? readOwn(input, source) : readSignal(input);
  if ('code' in wanted) return refuse(wanted);
  const { signal } = wanted;
  return database.inWorkspace(workspace).transaction(async (transaction) => {
    const registry = createRegistry(transaction);
    await registry.lock();
    const nodes = await registry.listNodes();
    const refusal =
      refuseIndex(input.index, nodes) ??
      (signal && isDeviceSignal(signal)
        ? await refuseSignal(registry, nodes, { index: input.index, signal })
        : undefined);
    if (refusal) return refuse(refusal);
    await registry.setSignal(input.index, signal);
    return { node: { index: input.index, signal }, userErrors: [] };
  });
}

/**
 * The signals that nodes without one take from a device: its metrics that no node has yet, in the order of their
 * declaration, to the nodes in the order of their indexes.
 */
export function chooseSignals(
  nodes: readonly NodeModel[],
  device: KnownDevice,
): readonly { readonly index: number; readonly signal: Signal }[] {
  const free = device.metrics
    .map((metric) => ({ deviceId: device.id, metric }))
    .filter((signal) => !nodes.some((node) => isSameSignal(node.signal, signal)));
  return nodes
    .filter((node) => node.signal === undefined)
    .flatMap(({ index }, place) => {
      const signal = free[place];
      return signal ? [{ index, signal }] : [];
    });
}

function refuse(refusal: Refusal): AssignmentOutcome {
  return { node: null, userErrors: [refusal] };
}

/** A signal needs both of its halves; without either it is taken away. */
function readSignal({
  deviceId,
  metric,
}: AssignmentInput): { readonly signal: Signal | undefined } | Refusal {
  const hasDevice = deviceId !== null && deviceId !== undefined;
  const hasMetric = metric !== null && metric !== undefined;
  if (hasDevice && hasMetric) return { signal: { deviceId, metric } };
  if (!hasDevice && !hasMetric) return { signal: undefined };
  const [given, missing] = hasDevice ? ['deviceId', 'metric'] : ['metric', 'deviceId'];
  return {
    code: 'BAD_USER_INPUT',
    message: `expected deviceId and metric together, got only ${given}. Give both, or neither to take the signal away.`,
    path: [missing],
  };
}

/** A pushed state is the node's own; the generator's signals are not given out by hand. */
function readOwn(
  { index, deviceId, metric }: AssignmentInput,
  source: 'STATE' | 'GENERATOR',
): { readonly signal: Signal } | Refusal {
  const isFree = (deviceId ?? metric ?? undefined) === undefined;
  if (source === 'STATE' && isFree) return { signal: { own: 'STATE', index } };
  const message =
    source === 'STATE'
      ? 'expected STATE without deviceId and metric: a pushed state is of no device.'
      : 'expected DEVICE or STATE. The generator feeds nodes while it runs: start it with startGenerator.';
  return { code: 'BAD_USER_INPUT', message, path: ['source'] };
}

function refuseIndex(index: number, nodes: readonly NodeModel[]): Refusal | undefined {
  if (nodes.some((node) => node.index === index)) return undefined;
  return {
    code: 'BAD_USER_INPUT',
    message: `expected an index from 0 to ${nodes.length - 1}, got ${index}.`,
    path: ['index'],
  };
}

async function refuseSignal(
  registry: Registry,
  nodes: readonly NodeModel[],
  { index, signal }: { index: number; signal: DeviceSignal },
): Promise<Refusal | undefined> {
  const device = await registry.findDevice(signal.deviceId);
  if (!device) {
    return {
      code: 'NOT_FOUND',
      message: `expected the id of a registered device, got ${JSON.stringify(signal.deviceId)}. Register it first.`,
      path: ['deviceId'],
    };
  }
  if (!device.metrics.includes(signal.metric)) {
    return {
      code: 'NOT_FOUND',
      message: `expected one of the metrics of ${device.name} (${device.metrics.join(', ')}), got ${JSON.stringify(signal.metric)}.`,
      path: ['metric'],
    };
  }
  const holder = nodes.find((node) => node.index !== index && isSameSignal(node.signal, signal));
  if (!holder) return undefined;
  return {
    code: 'CONFLICT',
    message: `node ${holder.index} already has ${signal.metric} of ${device.name} as its signal. Take it away there first.`,
    path: ['metric'],
  };
}
