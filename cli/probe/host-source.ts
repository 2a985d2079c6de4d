import type { Logger } from '../../kernel/telemetry/logger.js';
import { createHostReader, type HostReading } from './host-reader.js';
import type { ProbeSource } from './probe-source.js';
import { measureSignals, SIGNALS } from './signals.js';

/** The machine that Aegis runs on, as the device `host` with one metric for each node of the network. */
export function createHostSource(logger: Logger): ProbeSource<HostReading> {
  const reader = createHostReader({
    report: (error) => {
      logger.warn({ err: error }, 'the machine does not tell all of its signals');
    },
  });
  return {
    device: {
      name: 'host',
      description: 'The machine that Aegis runs on',
      metrics: SIGNALS.map(({ name, unit, description, minimum, maximum = null }) => ({
        ...{ name, unit, description, minimum, maximum },
      })),
    },
    read: () => reader.read(),
    measure: measureSignals,
  };
}
