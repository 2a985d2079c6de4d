import type { Health } from '../../../kernel/graphql/subgraph.js';
import type { Protocol } from './protocol.js';

/** All means by which devices are reached, as one. */
export interface Protocols {
  /** Where devices reach them, by scheme, such as `{ mqtt: 'mqtt://127.0.0.1:1883' }`. */
  endpoints(): Readonly<Record<string, string>>;
  start(): Promise<void>;
  /** Takes nothing new; what was taken will still be answered. */
  stopAccepting(): Promise<void>;
  close(): Promise<void>;
  /** The first that is down, if one is that may not be. */
  health(): Health;
}

/** Makes one of several protocols. */
export function combineProtocols(protocols: readonly Protocol[]): Protocols {
  return {
    endpoints() {
      const urls = protocols.flatMap((protocol) => [protocol.url(), ...(protocol.moreUrls?.() ?? [])]);
      const known = urls.filter((url) => url !== undefined);
      return Object.fromEntries(known.map((url) => [url.slice(0, url.indexOf(':')), url]));
    },
    async start() {
      for (const protocol of protocols) await protocol.start();
    },
    async stopAccepting() {
      await Promise.all(protocols.map((protocol) => protocol.stopAccepting()));
    },
    async close() {
      await Promise.all(protocols.map((protocol) => protocol.close()));
    },
    health: () =>
      protocols
        .filter(({ isOptional }) => isOptional !== true)
        .map((protocol) => protocol.health())
        .find(({ state }) => state === 'DOWN') ?? { state: 'UP' },
  };
}
