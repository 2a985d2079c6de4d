import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type { DeviceCredentials, Uplink } from '../protocol.js';
import type { MqttPeer } from './mqtt-peer.js';

/**
 * Provisioning over MQTT: a client connects as `claim` with a claim code as its password, subscribes to
 * `aegis/claim/answer`, and publishes `{"name": …}` or nothing on `aegis/claim`. The answer, which it alone gets, is
 * `{"workspace", "deviceId", "name", "token"}` or `{"code", "message"}`. It may do nothing else, and its connection ends
 * soon, so that those who come to be provisioned take no places from devices.
 */
export interface ClaimTopic {
  /** Whether a client comes to be provisioned. */
  isFor(login: Pick<DeviceCredentials, 'username' | 'password'>): boolean;
  /** Whether its code is good. Errors: RATE_LIMITED after too many failed attempts, and for one client too many. */
  admits(peer: MqttPeer, credentials: DeviceCredentials): Promise<boolean>;
  maySubscribe(peer: MqttPeer, filter: string): boolean;
  subscribed(peer: MqttPeer, subscription: { readonly topic: string; readonly qos: number }): void;
  takes(peer: MqttPeer, topic: string): boolean;
  /** Resolves once the answer is on its way; never throws. */
  take(peer: MqttPeer, payload: Uint8Array): Promise<void>;
}

export interface ClaimTopicDeps {
  readonly uplink: Pick<Uplink, 'claim' | 'mayClaim'>;
  readonly logger: Logger;
  /** How many clients the broker serves at once. */
  readonly maxConnections: number;
  /** How long a client may take to claim, in milliseconds; a minute when left out. */
  readonly claimMs?: number | undefined;
  /** How many clients may be there to claim at once; a quarter of all and 256 at most when left out. */
  readonly maxClaimants?: number | undefined;
}

const USERNAME = 'claim';
const TOPIC = 'aegis/claim';
const ANSWER = 'aegis/claim/answer';
const ANSWER_DEADLINE_MS = 10_000;
const CLAIM_MS = 60_000;
const MAX_CLAIMANTS = 256;
const SHARE_OF_CONNECTIONS = 4;

interface Claimant {
  readonly code: string;
  readonly address: string | undefined;
  answerQos: 0 | 1 | undefined;
  claimed: boolean;
}

/** Makes the topic of the embedded broker. */
export function createClaimTopic({
  uplink,
  logger,
  maxConnections,
  claimMs = CLAIM_MS,
  maxClaimants = Math.max(1, Math.min(MAX_CLAIMANTS, Math.floor(maxConnections / SHARE_OF_CONNECTIONS))),
}: ClaimTopicDeps): ClaimTopic {
  const claimants = new Map<MqttPeer, Claimant>();

  function keep(peer: MqttPeer, code: string, address: string | undefined): void {
    const end = () => {
      peer.end();
    };
    const deadline = setTimeout(() => {
      // Whoever is being provisioned at this moment is told its token yet.
      if (claimants.get(peer)?.claimed) setTimeout(end, ANSWER_DEADLINE_MS).unref();
      else end();
    }, claimMs).unref();
    claimants.set(peer, { code, address, answerQos: undefined, claimed: false });
    peer.socket.once('close', () => {
      clearTimeout(deadline);
      claimants.delete(peer);
    });
  }

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
    isFor: ({ username, password }) => username === USERNAME && password !== undefined,
    async admits(peer, { password = '', address }) {
      if (!(await uplink.mayClaim(password, { address }))) return false;
      if (claimants.size >= maxClaimants) throw tooMany(maxClaimants);
      // Its connection may be gone by now, and then nothing would tell of that any more.
      if (peer.socket.destroyed) return false;
      keep(peer, password, address);
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

function tooMany(most: number): AegisError {
  return new AegisError(
    'RATE_LIMITED',
    `claim: expected at most ${most} clients at once that come to be provisioned; try again in a moment.`,
    { retryAfterMs: 1_000 },
  );
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
