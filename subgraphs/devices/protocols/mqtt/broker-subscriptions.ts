import type { MqttClient } from 'mqtt';
import { untilAborted } from '../../../../kernel/lifecycle/until-aborted.js';
import type { TopicRoutes } from '../../../../kernel/messaging/topic-routes.js';
import type { WorkspaceId } from '../../../../kernel/identity/principal.js';
import { askForTopic, shareTopic } from '../../../../kernel/messaging/ask-for-topic.js';
import type { Logger } from '../../../../kernel/telemetry/logger.js';

/** What of a broker's messages is asked for. */
export interface BrokerSubscriptions {
  /** Asks for everything on a new connection. Tells why telemetry is not delivered; undefined when it is. */
  subscribe(client: MqttClient): Promise<string | undefined>;
  /**
   * Asks for what is wanted since, by other subgraphs or of Sparkplug, again for what was refused, and no longer for what is
   * not wanted. Never throws.
   */
  update(client: MqttClient): Promise<void>;
  /**
   * Whether the broker has granted the messages of the edge nodes of a workspace; undefined while it has not said so on this
   * connection.
   */
  hasSparkplug(workspace: WorkspaceId): boolean | undefined;
  /** What is wanted beside telemetry and not delivered, and why; undefined when nothing is. */
  missing(): string | undefined;
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
/** How long the broker may take for one answer, in milliseconds. */
const ANSWER_MS = 5_000;

/** What a broker has answered on one connection. */
interface Connection {
  readonly client: MqttClient;
  readonly granted: Set<string>;
  /** Filters that were refused last, with the reason. */
  readonly refused: Map<string, string>;
  /** What the broker knows that we do not ask for. */
  readonly left: Set<string>;
  /** The asking that is under way. */
  updating: Promise<void> | undefined;
  /** Something else may be wanted since that began. */
  again: boolean;
}

const sparkplugOf = (workspace: WorkspaceId) => `spBv1.0/${workspace}/#`;

/** Makes the list of subscriptions. */
export function createBrokerSubscriptions(deps: BrokerSubscriptionsDeps): BrokerSubscriptions {
  const { topics, workspaces, followsSparkplug, logger } = deps;
  let connection: Connection | undefined;

  function listWanted(client: MqttClient): readonly string[] {
    const shared = [...MESSAGES, ...(topics?.filters() ?? [])];
    return [
      ...shared.map((filter) => shareTopic(client, GROUP, filter)),
      STATUS,
      // An edge node counts all of its messages: who follows it needs all of them, and nobody else any.
      ...workspaces.filter(followsSparkplug).map(sparkplugOf),
    ];
  }

  async function askForMore(on: Connection): Promise<void> {
    for (const filter of listWanted(on.client)) {
      if (on.granted.has(filter)) continue;
      const reason = await ask(on.client, filter);
      if (!isCurrent(on)) return;
      if (reason === undefined) {
        on.granted.add(filter);
        on.refused.delete(filter);
        on.left.delete(filter);
        continue;
      }
      if (on.refused.get(filter) !== reason) {
        logger.warn({ filter, reason }, 'the MQTT broker refused a subscription; it is asked again');
      }
      on.refused.set(filter, reason);
    }
  }

  /** Also on a new connection: the broker knows what was asked for on those before. */
  async function leaveSparkplug(on: Connection): Promise<void> {
    for (const workspace of workspaces) {
      const filter = sparkplugOf(workspace);
      if (followsSparkplug(workspace) || on.left.has(filter)) continue;
      on.granted.delete(filter);
      on.refused.delete(filter);
      try {
        await untilAborted(on.client.unsubscribeAsync(filter), AbortSignal.timeout(ANSWER_MS));
        on.left.add(filter);
      } catch (error) {
        logger.debug({ err: error, filter }, 'the MQTT broker did not take back a subscription');
      }
      if (!isCurrent(on)) return;
    }
  }

  const isCurrent = (on: Connection) => connection === on && on.client.connected;

  async function updateAll(on: Connection): Promise<void> {
    do {
      on.again = false;
      await askForMore(on);
      await leaveSparkplug(on);
    } while (isAgainWanted(on) && isCurrent(on));
    on.updating = undefined;
  }

  async function update(client: MqttClient): Promise<void> {
    const on = connection;
    if (on?.client !== client) return;
    if (on.updating) on.again = true;
    else on.updating = updateAll(on);
    await on.updating;
  }

  return {
    update,
    hasSparkplug(workspace) {
      const filter = sparkplugOf(workspace);
      if (connection?.granted.has(filter)) return true;
      return connection?.refused.has(filter) ? false : undefined;
    },
    missing: () => connection && tellRefused(listWanted(connection.client), connection.refused),
    async subscribe(client) {
      const [granted, left] = [new Set<string>(), new Set<string>()];
      connection = { client, granted, left, refused: new Map(), updating: undefined, again: false };
      const telemetry = shareTopic(client, GROUP, TELEMETRY);
      const refused = await ask(client, telemetry);
      if (refused !== undefined) return `the MQTT broker refused the subscription ${telemetry}: ${refused}`;
      await update(client);
      logger.info({ subscription: telemetry }, 'the MQTT broker delivers telemetry');
      return undefined;
    },
  };
}

/** Whether somebody came while it was asked; the compiler does not see that this changes. */
function isAgainWanted({ again }: Connection): boolean {
  return again;
}

function tellRefused(wanted: readonly string[], refused: ReadonlyMap<string, string>): string | undefined {
  const told = wanted
    .filter((filter) => refused.has(filter))
    .map((one) => `${one} (${refused.get(one) ?? ''})`);
  if (told.length === 0) return undefined;
  return `telemetry is delivered, but the MQTT broker refuses ${told.join(', ')}; it is asked again.`;
}

/** Tells why the messages of a filter are not delivered; undefined when they are. */
async function ask(client: MqttClient, filter: string): Promise<string | undefined> {
  const timeout = AbortSignal.timeout(ANSWER_MS);
  try {
    return await untilAborted(askForTopic(client, filter), timeout);
  } catch {
    return `no answer within ${ANSWER_MS} ms`;
  }
}
