import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type { DeviceCredentials, Uplink } from '../protocol.js';
import type { MqttPeer } from './mqtt-peer.js';

/**
 * Provisioning over MQTT: a client connects as `claim` with a claim code as its password, subscribes to
 * `aegis/claim/answer`, and publishes `{"name": …}` or nothing on `aegis/claim`. The answer, which it alone gets, is
 * `{"workspace", "deviceId", "name", "token"}` or `{"code", "message"}`. Until then it may do nothing else.
 */
export interface ClaimTopic {
  /** Whether a client comes to be provisioned; its code is looked at when it publishes. */
  admits(peer: MqttPeer, credentials: DeviceCredentials): boolean;
  maySubscribe(peer: MqttPeer, filter: string): boolean;
  subscribed(peer: MqttPeer, subscription: { readonly topic: string; readonly qos: number }): void;
  takes(peer: MqttPeer, topic: string): boolean;
  /** Resolves once the answer is on its way; never throws. */
  take(peer: MqttPeer, payload: Uint8Array): Promise<void>;
}

export interface ClaimTopicDeps {
  readonly uplink: Pick<Uplink, 'claim'>;
  readonly logger: Logger;
}

const USERNAME = 'claim';
const TOPIC = 'aegis/claim';
const ANSWER = 'aegis/claim/answer';
const ANSWER_DEADLINE_MS = 10_000;

interface Claimant {
  readonly code: string;
  readonly address: string | undefined;
  answerQos: 0 | 1 | undefined;
  claimed: boolean;
}

/** Makes the topic of the embedded broker. */
export function createClaimTopic({ uplink, logger }: ClaimTopicDeps): ClaimTopic {
  const claimants = new WeakMap<MqttPeer, Claimant>();

  async function answer(claimant: Claimant, payload: Uint8Array): Promise<unknown> {
    const { code, address } = claimant;
    if (claimant.claimed)
      return toRefusal(new AegisError('FORBIDDEN', 'claim: this connection has claimed a device.'));
    try {
      const name = readName(payload);
      claimant.claimed = true;
      return await uplink.claim(code, { name, address });
    } catch (error) {
      claimant.claimed = false;
      if (error instanceof AegisError) return toRefusal(error);
      logger.error({ err: error }, 'could not provision a device over MQTT');
      return toRefusal(new AegisError('UNAVAILABLE', 'claim: it could not be done; try again in a moment.'));
    }
  }

  return {
    admits(peer, { username, password, address }) {
      if (username !== USERNAME || password === undefined) return false;
      claimants.set(peer, { code: password, address, answerQos: undefined, claimed: false });
      return true;
    },
    maySubscribe: (peer, filter) => filter === ANSWER && claimants.has(peer),
    subscribed(peer, { topic, qos }) {
      const claimant = claimants.get(peer);
      if (claimant && topic === ANSWER) claimant.answerQos = qos === 0 ? 0 : 1;
    },
    takes: (peer, topic) => topic === TOPIC && claimants.has(peer),
    async take(peer, payload) {
      const claimant = claimants.get(peer);
      // The token could not be told: the code stays good.
      if (claimant?.answerQos === undefined) return;
      const text = JSON.stringify(await answer(claimant, payload));
      const message = { topic: ANSWER, payload: text, qos: claimant.answerQos };
      await peer.writer.publish(message, AbortSignal.timeout(ANSWER_DEADLINE_MS)).catch((error: unknown) => {
        logger.warn({ err: error }, 'a device was provisioned and left before it was told its token');
      });
    },
  };
}

function toRefusal({ code, message }: AegisError) {
  return { code, message };
}

/** The name that it wants. Errors: BAD_USER_INPUT. */
function readName(payload: Uint8Array): string | undefined {
  if (payload.byteLength === 0) return undefined;
  const { name } = parse(payload);
  if (name === undefined || typeof name === 'string') return name;
  throw malformed();
}

function parse(payload: Uint8Array): { readonly name?: unknown } {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw malformed();
}

function malformed(): AegisError {
  return new AegisError('BAD_USER_INPUT', 'claim: expected nothing, or {"name": "…"} as JSON.');
}
