import { z } from 'zod';
import type { Transaction, WorkspaceDatabase } from '../../kernel/database/database.js';
import type { CloudEvent } from '../../kernel/events/event-log.js';
import type { Logger } from '../../kernel/telemetry/logger.js';
import { chooseSignals } from './assignment.js';
import { createRegistry, type KnownDevice, type Registry } from './registry.js';

const savedDevice = z.object({
  id: z.string().min(1),
  name: z.string().min(1),
  metrics: z.array(z.object({ name: z.string().min(1) })),
});

const removedDevice = z.object({ id: z.string().min(1) });

export interface DeviceFactsOptions {
  /** Name of the device whose metrics nodes without a signal take. */
  readonly nodeDevice: string;
  readonly logger: Logger;
}

/** Acts on one fact of the log; one that is malformed, or none of a device, is passed over, so that nothing blocks. */
export async function handleFact(
  event: CloudEvent,
  transaction: Transaction,
  { nodeDevice, logger }: DeviceFactsOptions,
): Promise<void> {
  function parse<T>(schema: z.ZodType<T>): T | undefined {
    const { success, data, error } = schema.safeParse(event.data);
    if (success) return data;
    logger.warn(
      { event: event.id, type: event.type, reason: z.prettifyError(error) },
      'a malformed fact was skipped',
    );
    return undefined;
  }

  switch (event.type) {
    case 'aegis.device.registered':
    case 'aegis.device.updated': {
      const device = parse(savedDevice);
      if (device) await keepDevice(transaction, device, nodeDevice);
      return;
    }
    case 'aegis.device.removed': {
      const device = parse(removedDevice);
      if (device) await forgetDevice(transaction, device.id);
      return;
    }
    default:
  }
}

async function keepDevice(
  transaction: Transaction,
  { id, name, metrics }: z.infer<typeof savedDevice>,
  nodeDevice: string,
): Promise<void> {
  const device = { id, name, metrics: metrics.map((metric) => metric.name) };
  const registry = createRegistry(transaction);
  await registry.lock();
  await registry.saveDevice(device);
  await registry.clearSignals(id, device.metrics);
  if (name === nodeDevice) await fillNodes(registry, device);
}

async function forgetDevice(transaction: Transaction, id: string): Promise<void> {
  const registry = createRegistry(transaction);
  await registry.lock();
  await registry.clearSignals(id, []);
  await registry.removeDevice(id);
}

/**
 * Makes the network's nodes exist. New ones take their signals at once if the device that gives them is known already; the
 * others stay as they are, for a signal may have been taken away by hand.
 */
export async function prepareNodes(
  rows: WorkspaceDatabase,
  { nodeCount, nodeDevice }: { nodeCount: number; nodeDevice: string },
): Promise<void> {
  await rows.transaction(async (transaction) => {
    const registry = createRegistry(transaction);
    await registry.lock();
    const created = await registry.setNodeCount(nodeCount);
    const device = created.length > 0 ? await registry.findDeviceByName(nodeDevice) : undefined;
    if (device) await fillNodes(registry, device, new Set(created));
  });
}

async function fillNodes(registry: Registry, device: KnownDevice, only?: ReadonlySet<number>): Promise<void> {
  const nodes = await registry.listNodes();
  const open = nodes.filter((node) => node.signal !== undefined || (only?.has(node.index) ?? true));
  for (const { index, signal } of chooseSignals(open, device)) await registry.setSignal(index, signal);
}
