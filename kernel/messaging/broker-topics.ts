import type { Health } from '../graphql/subgraph.js';
import type { WorkspaceId } from '../identity/principal.js';
import type { Part } from '../lifecycle/lifecycle.js';
import type { Logger } from '../telemetry/logger.js';
import { createAcknowledgedMessages } from './acknowledged-messages.js';
import { askForTopic, shareTopic } from './ask-for-topic.js';
import { createBrokerClient } from './broker-client.js';
import type { BrokerOptions } from './broker-options.js';
import { createTopicRoutes, type TopicRoutes } from './topic-routes.js';

/** The topics that this process follows at a broker by a connection of its own. */
export interface BrokerTopics extends Part {
  /** Where they are asked for, before the start. */
  readonly topics: TopicRoutes;
  start(): Promise<void>;
  /** Whether they are delivered. */
  health(): Health;
}

export interface BrokerTopicsDeps extends BrokerOptions {
  /** With credentials, where the broker wants some. */
  readonly url: string;
  /** All processes that name the same share the messages: each goes to one of them. MQTT 3.1.1 has no such thing. */
  readonly group: string;
  /** Messages of others are acknowledged, and nobody's. */
  readonly workspaces: readonly WorkspaceId[];
  readonly logger: Logger;
  /** How long the start waits for the broker before it goes on without, in milliseconds; 5,000 by default. */
  readonly startDeadlineMs?: number;
}

/**
 * Makes a client that has an external broker's messages on `aegis/<workspace>/…` go to who asked for them: at QoS 1, by a session
 * that the broker keeps while the process is away, and acknowledged once they are committed. What could not be committed is
 * delivered again; the sender of what was refused is told why on the topic with `/rejected` behind.
 */
export function createBrokerTopics(deps: BrokerTopicsDeps): BrokerTopics {
  const { group, logger } = deps;
  const topics = createTopicRoutes();
  const served = new Map<string, WorkspaceId>(deps.workspaces.map((workspace) => [workspace, workspace]));
  let accepting = true;
  const messages = createAcknowledgedMessages({
    ...deps,
    handle({ topic, payload }) {
      const route = topics.find(topic);
      const workspace = route && served.get(route.workspace);
      if (!route || workspace === undefined) return undefined;
      return route.handler({ workspace, topic, places: route.places, payload });
    },
  });
  const client = createBrokerClient({
    ...deps,
    async subscribe(opened) {
      for (const filter of topics.filters()) {
        const asked = shareTopic(opened, group, filter);
        const refused = await askForTopic(opened, asked);
        if (refused !== undefined) return `the MQTT broker refused the subscription ${asked}: ${refused}`;
      }
      logger.info({ filters: topics.filters() }, 'the MQTT broker delivers what was asked for');
      return undefined;
    },
    onMessage(packet, from, goOn) {
      if (accepting) messages.take(packet, from, goOn);
    },
    // The broker delivers on the next connection what was not acknowledged on this one.
    onLost: () => undefined,
  });
  return {
    name: 'topics of an external MQTT broker',
    topics,
    start: () => client.start(),
    health: () => client.health(),
    async close() {
      accepting = false;
      await client.close();
    },
  };
}
