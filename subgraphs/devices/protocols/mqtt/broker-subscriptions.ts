import type { MqttClient } from 'mqtt';
import type { TopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { askForTopic, shareTopic } from '../../../../kernel/messaging/ask-for-topic.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';

/** What of a broker's messages is asked for. */
export interface BrokerSubscriptions {
  /** Asks for everything on a new connection. Tells why telemetry is not delivered; undefined when it is. */
  subscribe(client: MqttClient): Promise<string | undefined>;
  /** Asks for what is wanted since, by other subgraphs or of Sparkplug, and no longer for what is not. */
  update(client: MqttClient): Promise<void>;
  /** Whether the messages of the edge nodes of a workspace are delivered to this process, as far as is known. */
  hasSparkplug(workspace: WorkspaceId): boolean;
}

export interface BrokerSubscriptionsDeps {
  readonly topics: TopicRoutes | undefined;
  readonly workspaces: readonly WorkspaceId[];
  /** Whether it is this process that follows the edge nodes of a workspace. */
  readonly followsSparkplug: (workspace: WorkspaceId) => boolean;
  readonly logger: Logger;
}

/** All processes of one installation share these: the broker gives each message to one of them. */
const GROUP = 'aegis-devices';
const TELEMETRY = 'aegis/+/+/telemetry';
const MESSAGES = ['aegis/+/+/reported', 'aegis/+/+/events', 'aegis/+/+/commands/+/answer'];
/** Every process is to know who is there, and brokers give what is retained to no shared subscription. */
const STATUS = 'aegis/+/+/status';

/** Makes the list of subscriptions. */
export function createBrokerSubscriptions(deps: BrokerSubscriptionsDeps): BrokerSubscriptions {
  const { topics, workspaces, followsSparkplug, logger } = deps;
  let routed = new Set<string>();
  /** Whether the messages of edge nodes were asked for on this connection, by workspace. */
  const sparkplug = new Map<WorkspaceId, boolean>();

  async function askForMore(client: MqttClient, filters: readonly string[]): Promise<void> {
    for (const filter of filters) {
      const refused = await askForTopic(client, filter);
      if (refused !== undefined)
        logger.warn({ filter, reason: refused }, 'the MQTT broker refused a subscription');
    }
  }

  /** An edge node counts all of its messages: who follows it needs all of them, and nobody else any. */
  async function updateSparkplug(client: MqttClient): Promise<void> {
    for (const workspace of workspaces) {
      const filter = `spBv1.0/${workspace}/#`;
      const follows = followsSparkplug(workspace);
      if (sparkplug.get(workspace) === follows) continue;
      sparkplug.set(workspace, follows);
      if (follows) await askForMore(client, [filter]);
      // Also on a new connection: the broker knows what was asked for on those before.
      else await client.unsubscribeAsync(filter);
    }
  }

  async function update(client: MqttClient): Promise<void> {
    const filters = (topics?.filters() ?? []).filter((filter) => !routed.has(filter));
    for (const filter of filters) routed.add(filter);
    await askForMore(
      client,
      filters.map((filter) => shareTopic(client, GROUP, filter)),
    );
    try {
      await updateSparkplug(client);
    } catch (error) {
      logger.debug({ err: error }, 'the connection to the MQTT broker went away while it was asked');
    }
  }

  return {
    update,
    hasSparkplug: (workspace) => sparkplug.get(workspace) === true,
    async subscribe(client) {
      const telemetry = shareTopic(client, GROUP, TELEMETRY);
      const refused = await askForTopic(client, telemetry);
      if (refused !== undefined) return `the MQTT broker refused the subscription ${telemetry}: ${refused}`;
      routed = new Set();
      sparkplug.clear();
      await askForMore(client, [...MESSAGES.map((filter) => shareTopic(client, GROUP, filter)), STATUS]);
      await update(client);
      logger.info({ subscription: telemetry }, 'the MQTT broker delivers telemetry');
      return undefined;
    },
  };
}
