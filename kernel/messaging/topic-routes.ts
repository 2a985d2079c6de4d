import type { WorkspaceId } from '../identity/principal.js';

/** A message that came by a broker on a topic that somebody has asked for. */
export interface TopicMessage {
  readonly workspace: WorkspaceId;
  readonly topic: string;
  /** What stood at the pattern's `+`, in their order; the workspace is not among them. */
  readonly places: readonly string[];
  readonly payload: Uint8Array;
}

/**
 * Takes a message; its sender is acknowledged once this resolves.
 *
 * Errors: an AegisError that is not retryable refuses the message for good; anything else has it delivered again.
 */
export type TopicHandler = (message: TopicMessage) => Promise<void>;

/** Who wants to have what of the messages that come by the broker of this process. */
export interface TopicRoutes {
  /**
   * Asks for the messages on `aegis/<workspace>/<rest>`, where `rest` may hold the wildcard `+` for one level. Whoever may
   * publish into the workspace may publish there. The returned function ends it.
   *
   * Errors: when `rest` is asked for already.
   */
  handle(rest: string, handler: TopicHandler): () => void;
  /** What is asked for, as MQTT topic filters such as `aegis/+/nodes/+/consciousness`. */
  filters(): readonly string[];
  /** Who wants a message on this topic, and with what at the wildcards; undefined when nobody does. */
  find(
    topic: string,
  ):
    | { readonly workspace: string; readonly places: readonly string[]; readonly handler: TopicHandler }
    | undefined;
}

interface Route {
  readonly rest: string;
  readonly pattern: RegExp;
  readonly handler: TopicHandler;
}

/** Makes an empty table of routes. */
export function createTopicRoutes(): TopicRoutes {
  const routes = new Map<string, Route>();
  return {
    handle(rest, handler) {
      if (routes.has(rest)) throw new Error(`expected one handler of aegis/+/${rest}, got two`);
      routes.set(rest, { rest, pattern: toPattern(rest), handler });
      return () => {
        routes.delete(rest);
      };
    },
    filters: () => [...routes.keys()].map((rest) => `aegis/+/${rest}`),
    find(topic) {
      for (const { pattern, handler } of routes.values()) {
        const [, workspace, ...places] = pattern.exec(topic) ?? [];
        if (workspace !== undefined) return { workspace, places, handler };
      }
      return undefined;
    },
  };
}

/** Source: MQTT 3.1.1, §4.7.1.3: `+` matches exactly one level, which may be empty; here it may not. */
function toPattern(rest: string): RegExp {
  const levels = rest.split('/').map((level) => (level === '+' ? '([^/]+)' : escape(level)));
  return new RegExp(`^aegis/([^/]+)/${levels.join('/')}$`);
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
