import type { SettingsOf } from '../kernel/config/settings.js';
import { openTracing as open } from '../kernel/telemetry/open-tracing.js';
import type { Tracing } from '../kernel/telemetry/tracing.js';
import type { tracingSettings } from './config.js';
import type { AegisProcess } from './process.js';

/** The tracing of this process, closed with it; undefined where no collector is set. */
export async function openTracing(
  settings: SettingsOf<typeof tracingSettings>,
  { logger, lifecycle }: Pick<AegisProcess, 'logger' | 'lifecycle'>,
): Promise<Tracing | undefined> {
  const { otlpEndpoint: endpoint, otlpHeaders: headers = {} } = settings;
  if (endpoint === undefined) return undefined;
  const { serviceName, resourceAttributes = {}, traceRatio: ratio } = settings;
  const opened = await open({ endpoint, headers, serviceName, resourceAttributes, ratio, logger });
  await lifecycle.start({ name: 'tracing', close: () => opened.close() });
  return opened.tracing;
}
