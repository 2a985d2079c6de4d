import type { AuthorizePublishHandler, Client, PublishPacket } from 'aedes';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { ERROR_CODES } from '../../../../kernel/errors/codes.js';
import { createRejectionLog, toRejection } from '../../../../kernel/messaging/rejection.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';
import type { DevicePrincipal, Uplink } from '../protocol.js';
import type { Sparkplug } from '../sparkplug/sparkplug.js';
import { parseSparkplugTopic } from '../sparkplug/sparkplug-topic.js';
import type { ClaimTopic } from './claim-topic.js';
import { rejectedTopic } from './device-topic.js';
import type { MqttIntake, MqttSource } from './mqtt-intake.js';
import type { MqttPeer } from './mqtt-peer.js';
import type { MqttRights } from './mqtt-rights.js';
import { createPublishDecisions } from './publish-decisions.js';

export interface EmbeddedPublishDeps {
  readonly peerOf: (client: Client) => MqttPeer | undefined;
  readonly rights: MqttRights;
  readonly intake: MqttIntake;
  readonly claims: ClaimTopic;
  readonly sparkplug: Pick<Sparkplug, 'passOver'>;
  readonly uplink: Pick<Uplink, 'refused'>;
  readonly logger: Logger;
  readonly publish: (topic: string, payload: string) => void;
}

/** The last of these may be asked for by who comes later; of the others there would be more and more. */
const RETAINED = /\/(telemetry|reported|status)$/;

/**
 * Makes the decision over each publish of the embedded broker.
 *
 * PUBACK follows the commit: aedes acknowledges once it is called back. What cannot be accepted ever is acknowledged too,
 * as the client would send it for ever, and answered on `…/rejected`; what could not be stored now ends the connection, so
 * that the client sends it again.
 */
export function createEmbeddedPublish(deps: EmbeddedPublishDeps): AuthorizePublishHandler {
  const { rights, intake, claims, sparkplug, logger } = deps;
  const decisions = createPublishDecisions(rights);
  const logRejection = createRejectionLog(logger);

  async function admit(packet: PublishPacket, peer: MqttPeer): Promise<Error | undefined> {
    const { topic } = packet;
    const principal = peer.principal();
    if (!principal && claims.takes(peer, topic)) {
      await claims.take(peer, toBytes(packet));
      withhold(packet);
      return undefined;
    }
    const decided = principal ? decisions.of(peer, principal, topic) : 'REFUSED';
    const decision = decided instanceof Promise ? await decided : decided;
    if (decision === 'ALLOWED') return take(packet, peer);
    // At once: the order of a node's messages is that in which they come here.
    if (principal && decision === 'COUNTED') passOver(packet, peer, principal);
    refuse(packet, principal);
    withhold(packet);
    return undefined;
  }

  function passOver(packet: PublishPacket, peer: MqttPeer, { workspace }: DevicePrincipal): void {
    const named = parseSparkplugTopic(packet.topic);
    if (!named) return;
    sparkplug.passOver({ workspace, node: named.node, payload: toBytes(packet) }, toSource(peer).sparkplug);
  }

  function refuse(packet: PublishPacket, principal: DevicePrincipal | undefined): void {
    const error = notItsTopic(packet.topic);
    logRejection(packet.topic, error);
    if (!principal) return;
    const { workspace, deviceId = '' } = principal;
    deps.uplink.refused({ workspace, device: deviceId, payload: toBytes(packet), kind: 'OTHER', error });
  }

  async function take(packet: PublishPacket, peer: MqttPeer): Promise<Error | undefined> {
    const { topic } = packet;
    const payload = toBytes(packet);
    try {
      await intake({ topic, payload, whenFull: 'wait' }, toSource(peer));
      if (!RETAINED.test(topic)) packet.retain = false;
      return undefined;
    } catch (error) {
      if (!(error instanceof AegisError) || ERROR_CODES[error.code].retryable) return error as Error;
      logRejection(topic, error);
      withhold(packet);
      deps.publish(rejectedTopic(topic), toRejection(error, payload));
      return undefined;
    }
  }

  return (client, packet, done) => {
    const peer = client ? deps.peerOf(client) : undefined;
    if (!peer) {
      withhold(packet);
      done(null);
      return;
    }
    admit(packet, peer)
      .then(done)
      .catch((error: unknown) => {
        logger.error({ err: error }, 'the MQTT broker failed to answer a publish');
      });
  };
}

function toSource(peer: MqttPeer): MqttSource {
  return {
    tells: (_workspace, deviceId, online) => {
      peer.tells(deviceId, online);
    },
    heard: (_workspace, deviceId) => {
      peer.heard(deviceId);
    },
    sparkplug: {
      key: peer,
      publish: (topic, payload, signal) => peer.writer.publish({ topic, payload, qos: 0 }, signal),
      end: () => {
        peer.end();
      },
    },
  };
}

function toBytes({ payload }: PublishPacket): Uint8Array {
  return typeof payload === 'string' ? Buffer.from(payload) : payload;
}

/** Lets a publish be acknowledged but reach nobody: its topic becomes one to which nobody may subscribe. */
function withhold(packet: PublishPacket): void {
  packet.topic = '$SYS/withheld';
  packet.payload = Buffer.alloc(0);
  packet.retain = false;
}

function notItsTopic(topic: string): AegisError {
  return new AegisError(
    'FORBIDDEN',
    `expected a publish on a topic of its own below aegis/<workspace>/<device>/, or as an edge node of Sparkplug for a device with the label sparkplug/node, got ${JSON.stringify(topic.slice(0, 100))}`,
  );
}
