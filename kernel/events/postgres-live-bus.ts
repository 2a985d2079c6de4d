import { createHash, randomBytes } from 'node:crypto';
import { createNotificationListener } from '../database/notification-listener.js';
import { createNotificationSender, MAX_PAYLOAD_BYTES } from '../database/notification-sender.js';
import { AegisError } from '../errors/aegis-error.js';
import type { Logger } from '../telemetry/logger.js';
import { createListenerTable } from './listener-table.js';
import type { LiveBus, LiveTopic } from './live-bus.js';
import { decodePacket, isFrom, packMessages } from './live-packet.js';
import { createNotifyQueue } from './notify-queue.js';
import { createPacketCounter } from './packet-counter.js';

export interface PostgresLiveBusOptions {
  /** A Postgres connection URL, straight to the server: a pooler that lends sessions by the statement cannot listen. */
  readonly url: string;
  readonly logger: Logger;
  /** The most packets, of up to 7,900 bytes each, that wait to be sent; beyond it they are dropped. */
  readonly capacity?: number;
  /** Yields numbers from 0 to 1, which spread the attempts of many processes to connect again. */
  readonly random?: () => number;
}

/**
 * The live bus of several processes, over Postgres LISTEN/NOTIFY.
 *
 * Listeners in the publisher's own process hear its messages directly, as they are; others hear them as JSON. A topic has
 * a channel of its own, so that a process is sent, and parses, only what somebody in it listens to. Order is kept for
 * each publisher and topic. Whatever is lost on the way (a connection, a packet) ends in `onLost`.
 *
 * Errors of `publish`: PAYLOAD_TOO_LARGE when one message is larger than a notification, with nothing published;
 * UNAVAILABLE when other processes could not be told, with the listeners of this process told all the same. Errors of
 * `listen`: UNAVAILABLE when the server does not answer.
 */
export function createPostgresLiveBus(options: PostgresLiveBusOptions): LiveBus {
  const { url, logger, capacity = 4_096, random } = options;
  const origin = randomBytes(8).toString('hex');
  const listeners = createListenerTable((error) =>
    logger.error({ err: error }, 'a listener of the live bus failed'),
  );
  const counter = createPacketCounter();
  const sender = createNotificationSender(url);
  const queue = createNotifyQueue({
    origin,
    sender,
    capacity,
    onError: (error) =>
      logger.warn({ err: error }, 'the live bus could not reach other processes; trying again'),
  });
  const notifications = createNotificationListener({
    url,
    onNotification,
    onReconnect: () => {
      logger.info('the live bus hears other processes again');
      listeners.lose();
    },
    onError: (error) =>
      logger.warn({ err: error }, 'the live bus does not hear other processes; trying again'),
    ...(random ? { random } : {}),
  });

  function onNotification(channel: string, payload: string): void {
    if (isFrom(origin, payload)) return;
    const packet = decodePacket(payload);
    if (!packet) logger.warn({ channel }, 'the live bus received something that is none of its packets');
    const complete = packet !== undefined && counter.isNext(channel, packet);
    if (!complete) listeners.lose(channel);
    if (packet && packet.messages.length > 0) listeners.deliver(channel, packet.messages);
  }

  function stop(channel: string): void {
    counter.forget(channel);
    notifications.unlisten(channel);
  }

  let closing: Promise<void> | undefined;
  async function close(): Promise<void> {
    listeners.clear();
    await Promise.all([notifications.close(), queue.close()]);
    await sender.close();
  }

  return {
    async publish(topic, messages) {
      if (messages.length === 0) return;
      const channel = channelOf(topic);
      const bodies = packMessages(messages, MAX_PAYLOAD_BYTES);
      listeners.deliver(channel, messages);
      await queue.add(channel, bodies);
    },
    async listen(topic, listener) {
      const channel = channelOf(topic);
      const remove = listeners.add(channel, listener);
      const end = () => {
        if (remove()) stop(channel);
      };
      try {
        await notifications.listen(channel);
      } catch (error) {
        end();
        throw new AegisError(
          'UNAVAILABLE',
          'live messages cannot be heard: the database did not answer. Try again.',
          {
            cause: error,
          },
        );
      }
      return end;
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** A name that fits into Postgres's 63 bytes whatever the workspace's length. */
function channelOf({ workspace, name }: LiveTopic): string {
  return `aegis_live_${createHash('sha256').update(`${workspace}/${name}`).digest('hex').slice(0, 32)}`;
}
