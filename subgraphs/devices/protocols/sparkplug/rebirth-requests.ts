import type { Logger } from '../../../../kernel/telemetry/logger.js';
import { encodeSparkplug } from '../../codecs/sparkplug/encode-sparkplug.js';
import { REBIRTH } from './sparkplug-commands.js';
import type { ReachedNode } from './sparkplug-nodes.js';

/** Asks edge nodes for their births, each now and then at most. */
export interface RebirthRequests {
  /** Asks now or, where it was asked a short while ago, once that is over and nothing was settled by then. */
  ask(node: ReachedNode): void;
  /** The node was born or has gone: what was to be asked for is there, or cannot come. */
  settled(node: ReachedNode): void;
}

export interface RebirthRequestsDeps {
  readonly logger: Logger;
  readonly now: () => number;
  /** How long after it was asked a node is not asked again, in milliseconds. */
  readonly pauseMs?: number | undefined;
}

const PAUSE_MS = 5_000;
const DEADLINE_MS = 5_000;

interface Asked {
  atMs: number;
  /** Asks once the pause is over. */
  timer: NodeJS.Timeout | undefined;
}

/** Makes it. */
export function createRebirthRequests({
  logger,
  now,
  pauseMs = PAUSE_MS,
}: RebirthRequestsDeps): RebirthRequests {
  const asked = new WeakMap<ReachedNode, Asked>();

  function send(node: ReachedNode): void {
    const payload = encodeSparkplug({ timestampMs: now(), metrics: [REBIRTH] });
    const topic = `spBv1.0/${node.workspace}/NCMD/${node.name}`;
    node.link.publish(topic, payload, AbortSignal.timeout(DEADLINE_MS)).catch((error: unknown) => {
      logger.debug({ err: error, node: node.name }, 'could not ask an edge node for its birth');
    });
  }

  return {
    ask(node) {
      const last = asked.get(node);
      if (last?.timer) return;
      const waitMs = last ? last.atMs + pauseMs - now() : 0;
      if (!last || waitMs <= 0) {
        asked.set(node, { atMs: now(), timer: undefined });
        send(node);
        return;
      }
      last.timer = setTimeout(() => {
        last.timer = undefined;
        last.atMs = now();
        send(node);
      }, waitMs).unref();
    },
    settled(node) {
      const last = asked.get(node);
      clearTimeout(last?.timer);
      if (last) last.timer = undefined;
    },
  };
}
