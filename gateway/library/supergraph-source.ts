import type { Logger } from '../../kernel/telemetry/logger.js';
import type { AegisGatewayConfig, SupergraphManager, SupergraphSdlHookOptions } from './gateway-config.js';

/** Where the supergraph comes from, first and later. */
export interface SupergraphSource {
  /** The object that brings it; undefined until it has brought the first one. */
  readonly manager: SupergraphManager | undefined;
  /** Takes the first supergraph. Errors: whatever keeps it from coming or being taken. */
  load(): Promise<void>;
  /** Ends what may bring others. Safe to call twice. */
  stop(): Promise<void>;
}

export interface SupergraphSourceOptions {
  readonly supergraphSdl: AegisGatewayConfig['supergraphSdl'];
  /** Takes a supergraph. Errors: when it cannot be served. */
  readonly take: (supergraphSdl: string) => Promise<void>;
  /** Looks at the first supergraph before it is taken. */
  readonly check: ((supergraphSdl: string) => Promise<void>) | undefined;
  readonly hooks: Pick<SupergraphSdlHookOptions, 'healthCheck' | 'getDataSource'>;
  readonly logger: Logger;
}

type Phase = 'initialized' | 'loading' | 'loaded' | 'failed' | 'stopped';

/** Nothing is asked for before `load`. */
export function createSupergraphSource(options: SupergraphSourceOptions): SupergraphSource {
  const { take, check, hooks, logger } = options;
  const manager = toManager(options.supergraphSdl);
  let phase: Phase = 'initialized';
  let taking: Promise<unknown> = Promise.resolve();
  let cleanup: (() => Promise<void>) | undefined;

  function update(supergraphSdl: string): Promise<void> {
    if (phase === 'failed' || phase === 'stopped') {
      const reason = phase === 'failed' ? 'the gateway failed to load' : 'the gateway has been stopped';
      throw new Error(`expected \`update\` to be called while the gateway runs, but ${reason}.`);
    }
    const taken = taking.then(() => take(supergraphSdl));
    // Most callers do not wait for it; to those who do, the refusal is told, too.
    taking = taken.catch((error: unknown) => {
      if (phase === 'loaded')
        logger.error({ err: error }, 'an update of the supergraph is refused: it stays as it is');
    });
    return taken;
  }

  async function cleanUp(): Promise<void> {
    const end = cleanup;
    cleanup = undefined;
    try {
      await end?.();
    } catch (error) {
      logger.error({ err: error }, 'the `cleanup` of what brings the supergraph failed');
    }
  }

  async function bringFirst(): Promise<void> {
    const brought = await manager.initialize({ update, ...hooks });
    cleanup = brought.cleanup;
    await check?.(brought.supergraphSdl);
    await update(brought.supergraphSdl);
  }

  return {
    get manager() {
      return phase === 'loaded' ? manager : undefined;
    },
    async load() {
      if (phase !== 'initialized')
        throw new Error(`expected a gateway that was never loaded, but it is ${phase}.`);
      phase = 'loading';
      try {
        await bringFirst();
      } catch (error) {
        phase = 'failed';
        await cleanUp();
        throw error;
      }
      phase = 'loaded';
    },
    async stop() {
      phase = 'stopped';
      await cleanUp();
    },
  };
}

function toManager(supergraphSdl: AegisGatewayConfig['supergraphSdl']): SupergraphManager {
  if (typeof supergraphSdl === 'object') return supergraphSdl;
  if (typeof supergraphSdl === 'function') return { initialize: supergraphSdl };
  return { initialize: () => Promise.resolve({ supergraphSdl }) };
}
