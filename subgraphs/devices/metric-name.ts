const METRIC_NAME = /^[A-Za-z][A-Za-z0-9._-]{0,62}$/;

/** What the names of metrics, properties, actions and events look like, for messages. */
export const METRIC_NAME_RULE =
  '1 to 63 letters, digits, dots, dashes and underscores, beginning with a letter';

/** The most metrics of one device. */
export const MAX_METRICS = 256;

/** Whether a metric can have this name at all. */
export function isMetricName(name: string): boolean {
  return METRIC_NAME.test(name);
}
