import { randomInt } from 'node:crypto';
import { generate, type Packet } from 'coap-packet';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { keyOfRemote, type Remote } from './coap-message.js';
import { createLanes } from './lanes.js';
import type { CoapTiming } from './coap-timing.js';

/** Messages that are sent until the other end says that it has them. */
export interface Confirmations {
  /** Errors: UNAVAILABLE when it is refused or never acknowledged, or too much waits for this end already; CANCELLED. */
  confirm(packet: Packet, remote: Remote, signal?: AbortSignal): Promise<void>;
  /** Sends an empty message; any reply will do. Errors: UNAVAILABLE. */
  ping(remote: Remote): Promise<void>;
  /** An acknowledgement or a refusal has come. */
  settle(remote: Remote, messageId: number, how: 'acknowledged' | 'refused'): void;
  /** A message id that is free for this end. */
  nextId(remote: Remote): number;
  /** Gives up everything. */
  close(): void;
}

export interface ConfirmationsDeps {
  readonly send: (datagram: Buffer, remote: Remote) => void;
  readonly timing: CoapTiming;
}

interface Pending {
  readonly settle: (how: 'acknowledged' | 'refused') => void;
  readonly fail: (error: AegisError) => void;
}

/** How many messages may wait for one end. */
const MAX_WAITING = 128;
const MESSAGE_IDS = 65_536;

/**
 * Makes them. To one end only one goes at a time (NSTART, RFC 7252, §4.7), so that they also arrive in their order;
 * repeated after a time that doubles (§4.2).
 */
export function createConfirmations({ send, timing }: ConfirmationsDeps): Confirmations {
  const pending = new Map<string, Pending>();
  const lanes = createLanes({
    capacity: MAX_WAITING,
    tooMany: (key) => unavailable(`${MAX_WAITING} messages wait for ${key} already`),
  });
  let lastId = randomInt(MESSAGE_IDS);

  function nextId(remote: Remote): number {
    do lastId = (lastId + 1) % MESSAGE_IDS;
    while (pending.has(keyOf(remote, lastId)));
    return lastId;
  }

  function deliver(
    packet: Packet,
    remote: Remote,
    signal: AbortSignal | undefined,
  ): Promise<'acknowledged' | 'refused'> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(cancelled());
        return;
      }
      const messageId = nextId(remote);
      const key = keyOf(remote, messageId);
      const datagram = generate({ ...packet, messageId });
      let timer: NodeJS.Timeout | undefined;
      const end = () => {
        clearTimeout(timer);
        pending.delete(key);
        signal?.removeEventListener('abort', onAbort);
      };
      const fail = (error: AegisError) => {
        end();
        reject(error);
      };
      const onAbort = () => {
        fail(cancelled());
      };
      const attempt = (left: number, waitMs: number) => {
        send(datagram, remote);
        timer = setTimeout(() => {
          if (left > 0) attempt(left - 1, 2 * waitMs);
          else
            fail(unavailable(`${remote.address} acknowledged none of ${timing.maxRetransmit + 1} attempts`));
        }, waitMs);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      pending.set(key, {
        settle(how) {
          end();
          resolve(how);
        },
        fail,
      });
      attempt(timing.maxRetransmit, timing.ackTimeoutMs * (1 + Math.random() / 2));
    });
  }

  return {
    async confirm(packet, remote, signal) {
      const how = await lanes.inTurn(keyOfRemote(remote), () => deliver(packet, remote, signal));
      if (how === 'refused') throw unavailable(`${remote.address} refused the message`);
    },
    async ping(remote) {
      await lanes.inTurn(keyOfRemote(remote), () =>
        deliver({ code: '0.00', confirmable: true }, remote, undefined),
      );
    },
    settle(remote, messageId, how) {
      pending.get(keyOf(remote, messageId))?.settle(how);
    },
    nextId,
    close() {
      for (const { fail } of [...pending.values()]) fail(unavailable('the CoAP endpoint is closing'));
    },
  };
}

function keyOf(remote: Remote, messageId: number): string {
  return `${keyOfRemote(remote)}/${messageId}`;
}

function unavailable(reason: string): AegisError {
  return new AegisError('UNAVAILABLE', `CoAP: ${reason}.`);
}

function cancelled(): AegisError {
  return new AegisError('CANCELLED', 'CoAP: the message was given up before it was acknowledged.');
}
