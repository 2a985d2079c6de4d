import type { Condition, DeviceView } from './condition.js';
import { parseFormula } from './formula.js';

/**
 * Makes the condition that an expression over the newest usable readings of a device is true. It says nothing before each
 * of its metrics has one. Numbers are in the metrics' units.
 *
 * Errors: BAD_USER_INPUT for what is no such expression; see {@link parseFormula}.
 */
export function createExpression(text: string): Condition {
  const formula = parseFormula(text);

  function isComplete(view: DeviceView): boolean {
    return formula.metrics.every((metric) => view.newestUsable(metric) !== undefined);
  }

  return {
    metrics: formula.metrics,
    windowMs: 0,
    holds(view) {
      if (!isComplete(view)) return undefined;
      return formula.evaluate((metric) => view.newestUsable(metric)?.value ?? NaN);
    },
    explain(view) {
      const values = formula.metrics.map((metric) => {
        const sample = view.newestUsable(metric);
        return `${metric} is ${sample?.value ?? 'missing'}${sample ? ` ${sample.unit}` : ''}`;
      });
      return { metric: null, value: null, unit: null, message: `${text}: ${values.join(', ')}` };
    },
  };
}
