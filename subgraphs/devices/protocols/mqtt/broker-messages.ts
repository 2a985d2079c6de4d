import {
  createAcknowledgedMessages,
  type AcknowledgedMessages,
} from '../../../../kernel/messaging/acknowledged-messages.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type { MqttIntake, MqttSource } from './mqtt-intake.js';

export interface BrokerMessagesDeps {
  readonly intake: MqttIntake;
  readonly source: MqttSource;
  /** How many messages may await their commit. */
  readonly inFlight: number;
  readonly logger: Logger;
}

/** Makes the taker of what a broker delivers for devices. */
export function createBrokerMessages({ intake, source, ...deps }: BrokerMessagesDeps): AcknowledgedMessages {
  return createAcknowledgedMessages({
    ...deps,
    // Nothing holds the broker back from sending messages that need no acknowledgement: those are dropped when it is full.
    handle: ({ topic, payload, qos }) =>
      intake({ topic, payload, whenFull: qos === 0 ? 'refuse' : 'wait' }, source),
  });
}
