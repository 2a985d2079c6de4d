import type { Duplex } from 'node:stream';
import { generate } from 'mqtt-packet';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { Delivery } from '../../sessions/session.js';

/** A message for the one client of a connection. */
export interface DownMessage {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly qos: 0 | 1;
}

/** Publishes to the one client of a connection, past the broker, and tells when that has acknowledged. */
export interface AcknowledgedWriter {
  /**
   * With QoS 1 `DELIVERED` once the client has acknowledged it; with QoS 0 `SENT`.
   *
   * Errors: UNAVAILABLE when the connection ends, the signal is aborted, or too many messages are unacknowledged.
   */
  publish(message: DownMessage, signal: AbortSignal): Promise<Delivery>;
  /** The client has sent a PUBACK. */
  acknowledged(messageId: number): void;
  /** The connection is gone. */
  close(): void;
}

/** How many messages may await the client's acknowledgement. */
const MAX_IN_FLIGHT = 64;
/** Source: MQTT 3.1.1, §2.3.1. */
const MAX_MESSAGE_ID = 65_535;

interface Waiter {
  readonly settle: () => void;
  readonly fail: (why: string) => void;
}

/**
 * Makes the writer of a connection. Its message ids are its own: the broker uses some only for clients that subscribe with
 * QoS 1 to what others publish, and begins with a random one.
 */
export function createAcknowledgedWriter(connection: Duplex): AcknowledgedWriter {
  const waiters = new Map<number, Waiter>();
  let lastId = 0;
  let closed = false;

  function nextId(): number {
    do lastId = (lastId % MAX_MESSAGE_ID) + 1;
    while (waiters.has(lastId));
    return lastId;
  }

  function write({ topic, payload, qos }: DownMessage, messageId: number | undefined): void {
    connection.write(
      generate({
        cmd: 'publish',
        topic,
        payload: Buffer.from(payload),
        qos,
        retain: false,
        dup: false,
        ...(messageId === undefined ? {} : { messageId }),
      }),
    );
  }

  function awaitAcknowledgement(messageId: number, signal: AbortSignal): Promise<Delivery> {
    return new Promise((resolve, reject) => {
      const finish = () => {
        waiters.delete(messageId);
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        waiter.fail('it did not acknowledge in time');
      };
      const waiter: Waiter = {
        settle() {
          finish();
          resolve('DELIVERED');
        },
        fail(why) {
          finish();
          reject(undelivered(why));
        },
      };
      waiters.set(messageId, waiter);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  return {
    async publish(message, signal) {
      if (closed || signal.aborted) throw undelivered('its connection is gone');
      if (message.qos === 0) {
        write(message, undefined);
        return 'SENT';
      }
      if (waiters.size >= MAX_IN_FLIGHT)
        throw undelivered(`it has not acknowledged ${MAX_IN_FLIGHT} messages`);
      const messageId = nextId();
      const acknowledged = awaitAcknowledgement(messageId, signal);
      write(message, messageId);
      return acknowledged;
    },
    acknowledged(messageId) {
      waiters.get(messageId)?.settle();
    },
    close() {
      closed = true;
      for (const waiter of [...waiters.values()]) waiter.fail('its connection is gone');
    },
  };
}

function undelivered(why: string): AegisError {
  return new AegisError('UNAVAILABLE', `MQTT: the message could not be delivered to the device: ${why}.`);
}
