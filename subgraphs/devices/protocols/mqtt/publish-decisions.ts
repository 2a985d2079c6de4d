import type { DevicePrincipal } from '../protocol.js';
import { parseSparkplugTopic, type SparkplugTopic } from '../sparkplug/sparkplug-topic.js';
import type { MqttPeer } from './mqtt-peer.js';
import type { MqttRights } from './mqtt-rights.js';

/**
 * What becomes of a publish. COUNTED: it is refused, but comes from an edge node of Sparkplug over its own connection: the
 * node numbers it among its messages, and so must we.
 */
export type PublishDecision = 'ALLOWED' | 'COUNTED' | 'REFUSED';

/** Decides over publishes. */
export interface PublishDecisions {
  /** Without a promise where everything is remembered. Those of one connection over Sparkplug come in the order of asking. */
  of(peer: MqttPeer, principal: DevicePrincipal, topic: string): PublishDecision | Promise<PublishDecision>;
}

const SPARKPLUG = 'spBv1.0/';

/** Makes it. */
export function createPublishDecisions({ mayPublish }: Pick<MqttRights, 'mayPublish'>): PublishDecisions {
  /** The last decision of a connection that is under way: devices that are not remembered are looked up. */
  const deciding = new WeakMap<MqttPeer, Promise<unknown>>();

  async function refuse(principal: DevicePrincipal, sparkplug: SparkplugTopic): Promise<PublishDecision> {
    const { workspace, node, kind, behind } = sparkplug;
    if (behind === undefined || kind === 'DCMD') return 'REFUSED';
    return (await mayPublish(principal, `${SPARKPLUG}${workspace}/NDATA/${node}`)) ? 'COUNTED' : 'REFUSED';
  }

  async function decideAfter(
    before: Promise<unknown> | undefined,
    { principal, topic, allowed }: Asked,
  ): Promise<PublishDecision> {
    const sparkplug = parseSparkplugTopic(topic);
    const decided = Promise.resolve(allowed).then((isAllowed) => {
      if (isAllowed) return 'ALLOWED';
      return sparkplug ? refuse(principal, sparkplug) : 'REFUSED';
    });
    // One that fails is told of by itself; the next ones come nevertheless.
    await Promise.allSettled([before, decided]);
    return decided;
  }

  return {
    of(peer, principal, topic) {
      const allowed = mayPublish(principal, topic);
      if (!topic.startsWith(SPARKPLUG)) return whether(allowed);
      const before = deciding.get(peer);
      if (!before && allowed === true) return 'ALLOWED';
      const decision = decideAfter(before, { principal, topic, allowed });
      const settled = decision.then(
        () => undefined,
        () => undefined,
      );
      deciding.set(peer, settled);
      void settled.then(() => {
        if (deciding.get(peer) === settled) deciding.delete(peer);
      });
      return decision;
    },
  };
}

interface Asked {
  readonly principal: DevicePrincipal;
  readonly topic: string;
  readonly allowed: boolean | Promise<boolean>;
}

function whether(allowed: boolean | Promise<boolean>): PublishDecision | Promise<PublishDecision> {
  if (allowed instanceof Promise) return allowed.then(whether);
  return allowed ? 'ALLOWED' : 'REFUSED';
}
