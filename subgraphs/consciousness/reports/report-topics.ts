import { AegisError } from '../../../kernel/errors/aegis-error.js';
import type { WorkspaceId } from '../../../kernel/identity/principal.js';
import type { Part } from '../../../kernel/lifecycle/lifecycle.js';
import type { TopicMessage, TopicRoutes } from '../../../kernel/messaging/topic-routes.js';
import type { Network } from '../network.js';
import { readNodeName } from './node-name.js';
import { takePushedValue } from './pushed-value.js';

export interface ReportTopicsDeps {
  /** Undefined where this process has no broker. */
  readonly topics: TopicRoutes | undefined;
  readonly networks: ReadonlyMap<WorkspaceId, Pick<Network, 'reports' | 'pushState' | 'nodeCount'>>;
}

/**
 * Takes what nodes send by the broker of this process: reports on `aegis/<workspace>/nodes/<id>/consciousness`, acknowledged
 * once they are stored, and states on `aegis/<workspace>/nodes/<id>/state`.
 */
export function createReportTopics({ topics, networks }: ReportTopicsDeps): Part {
  const endings: (() => void)[] = [];

  function networkOf({ workspace }: TopicMessage) {
    const network = networks.get(workspace);
    if (network) return network;
    throw new AegisError('NOT_FOUND', `expected a workspace that is served here, got ${workspace}.`);
  }

  async function takeReport(message: TopicMessage): Promise<void> {
    const [nodeId = ''] = message.places;
    await networkOf(message).reports.submit(readJson(message.payload), { door: 'MQTT', nodeId });
  }

  async function takeState(message: TopicMessage): Promise<void> {
    const [nodeId = ''] = message.places;
    const { pushState, nodeCount } = networkOf(message);
    await takePushedValue(pushState, readNodeName(nodeId, nodeCount), readJson(message.payload));
  }

  return {
    name: 'topics of nodes',
    start() {
      if (!topics) return Promise.resolve();
      endings.push(topics.handle('nodes/+/consciousness', takeReport));
      endings.push(topics.handle('nodes/+/state', takeState));
      return Promise.resolve();
    },
    close() {
      for (const end of endings.splice(0)) end();
      return Promise.resolve();
    },
  };
}

function readJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(payload).toString('utf8'));
  } catch {
    throw new AegisError('BAD_USER_INPUT', 'expected JSON, got something else.');
  }
}
