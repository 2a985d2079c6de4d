import type { Logger } from '../kernel/telemetry/logger.js';
import type { SupergraphSnapshot } from './supergraph/snapshot.js';

/**
 * Says in the log which of the labels that the operator has switched on no field of a supergraph has: a label that is
 * misspelt would move nothing, and nobody would know.
 */
export function tellUnknownOverrides(
  activeOverrides: ReadonlySet<string>,
  { id, overrideLabels }: Pick<SupergraphSnapshot, 'id' | 'overrideLabels'>,
  logger: Pick<Logger, 'warn'>,
): void {
  const unknown = [...activeOverrides].filter((label) => !overrideLabels.includes(label));
  if (unknown.length === 0) return;
  logger.warn(
    { supergraph: id, unknown, known: overrideLabels },
    'expected labels that fields of the supergraph have (@override(label:)), got others: these move nothing',
  );
}
