import type { FusionMemory, FusionStep } from './fusion-step.js';

/**
 * Lets each reading count once: a value that rests on no newer reading than the one before it is withheld and refused as
 * REPEATED. A filter that took it again would mistake it for a new measurement and grow too certain, as it assumes that
 * the errors of its measurements are independent.
 *
 * Source: Bar-Shalom, Li, Kirubarajan (2001), §5.2 (white measurement noise).
 */
export function countOnce(step: FusionStep, memory: FusionMemory = {}): FusionStep {
  const countedAtMs = (memory.countedAtMs ??= {});
  return (inputs, atMs) => {
    const isNew = inputs.map(({ deviceId, sourceAtMs }) => sourceAtMs > (countedAtMs[deviceId] ?? -Infinity));
    const counted = inputs.filter((_input, index) => isNew[index]);
    for (const { deviceId, sourceAtMs } of counted) countedAtMs[deviceId] = sourceAtMs;
    const estimate = step(counted, atMs);
    const repeated = inputs
      .filter((_input, index) => !isNew[index])
      .map(({ deviceId, value }) => ({ deviceId, value, reason: 'REPEATED' as const }));
    return { ...estimate, refused: [...estimate.refused, ...repeated] };
  };
}
