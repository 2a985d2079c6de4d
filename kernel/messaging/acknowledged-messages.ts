import type { IPublishPacket, MqttClient } from 'mqtt';
import { AegisError } from '../errors/aegis-error.js';
import { ERROR_CODES } from '../errors/codes.js';
import type { Logger } from '../telemetry/logger.js';
import { createRejectionLog, toRejection } from './rejection.js';

/** A message that a broker has delivered. */
export interface BrokerMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
}

/** Takes what a broker delivers. */
export interface AcknowledgedMessages {
  /** Calls back when the client may go on to the next message, which is before this one is acknowledged. */
  take(packet: IPublishPacket, client: MqttClient, goOn: (error?: Error) => void): void;
}

export interface AcknowledgedMessagesDeps {
  /**
   * Takes a message; resolves once it is committed. Undefined for one that nobody wants.
   *
   * Errors: an AegisError that is not retryable refuses it for good; anything else has it delivered again.
   */
  readonly handle: (message: BrokerMessage) => Promise<unknown> | undefined;
  /** How many messages may await their commit. */
  readonly inFlight: number;
  readonly logger: Logger;
}

/**
 * Makes the taker: an acknowledgement goes out when what it acknowledges is committed, on the connection it came by. The sender
 * of a refused message is told why on the topic with `/rejected` behind.
 */
export function createAcknowledgedMessages(deps: AcknowledgedMessagesDeps): AcknowledgedMessages {
  const window = createWindow(deps.inFlight);
  const logRejection = createRejectionLog(deps.logger);

  /** Never throws. `redeliver`: it must come again, on another connection. */
  async function decide(packet: IPublishPacket, client: MqttClient): Promise<'acknowledge' | 'redeliver'> {
    const { topic, qos } = packet;
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    try {
      await deps.handle({ topic, payload, qos });
      return 'acknowledge';
    } catch (error) {
      if (!(error instanceof AegisError) || ERROR_CODES[error.code].retryable) return 'redeliver';
      logRejection(topic, error);
      client.publish(`${topic}/rejected`, toRejection(error, payload), { qos: 0 });
      return 'acknowledge';
    }
  }

  return {
    take(packet, client, goOn) {
      // The connection it came by: an acknowledgement means nothing on another one.
      const { stream } = client;
      void decide(packet, client).then((outcome) => {
        window.leave();
        if (stream !== client.stream || stream.destroyed) return;
        if (outcome === 'acknowledge') acknowledge(stream, packet);
        else if (packet.qos > 0) stream.destroy();
      });
      window.enter(() => {
        // With an error the client sends no PUBACK and goes on to the next message: the acknowledgement is ours.
        goOn(new Error('acknowledged once it is committed'));
      });
    },
  };
}

/** Bounds how many messages are on their way: beyond it the client, which reads one after the other, reads no further. */
function createWindow(size: number) {
  let inside = 0;
  let held: (() => void) | undefined;
  return {
    enter(goOn: () => void): void {
      inside += 1;
      if (inside < size) goOn();
      else held = goOn;
    },
    leave(): void {
      inside -= 1;
      // Taken out first: the client may read the next message, and hold that, before the call returns.
      const goOn = held;
      held = undefined;
      goOn?.();
    },
  };
}

/** Source: MQTT 5.0, §3.4: PUBACK with reason code 0 is its packet identifier alone; so it is in MQTT 3.1.1. */
function acknowledge(stream: MqttClient['stream'], { qos, messageId }: IPublishPacket): void {
  if (qos !== 1 || messageId === undefined) return;
  // The acknowledgements of one commit leave in one write.
  stream.cork();
  process.nextTick(() => {
    stream.uncork();
  });
  stream.write(Buffer.from([0x40, 2, messageId >> 8, messageId & 0xff]));
}
