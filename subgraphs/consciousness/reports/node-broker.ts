import type { SubgraphDeps } from '../../../kernel/graphql/subgraph.js';
import { createBrokerTopics, type BrokerTopics } from '../../../kernel/messaging/broker-topics.js';
import type { ConsciousnessSettings } from '../config.js';

/** How many messages of nodes may await their commit. */
const IN_FLIGHT = 64;
/** A report has some hundred bytes. */
const MAX_PAYLOAD_BYTES = 16_384;

/**
 * Makes the connection by which this process follows the topics of nodes at an external broker; undefined where none is named, and
 * where another subgraph of the process has a broker and hands its messages on: what came twice would be counted twice.
 */
export function createNodeBroker(
  { topics, workspaces, logger }: Pick<SubgraphDeps, 'topics' | 'workspaces' | 'logger'>,
  settings: ConsciousnessSettings,
): BrokerTopics | undefined {
  if (topics !== undefined || settings.mqttUrl === undefined) return undefined;
  const { mqttUrl: url, mqttClientId: clientId, mqttVersion: version } = settings;
  return createBrokerTopics({
    ...{ url, clientId, version, workspaces, logger },
    group: 'aegis-consciousness',
    inFlight: IN_FLIGHT,
    maxPayloadBytes: MAX_PAYLOAD_BYTES,
    tls: {
      certificate: settings.mqttCertFile,
      key: settings.mqttKeyFile,
      authority: settings.mqttCaFile,
    },
  });
}
