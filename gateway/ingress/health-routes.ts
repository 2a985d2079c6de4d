import type { FastifyInstance } from 'fastify';
import type { Health } from '../../kernel/graphql/subgraph.js';
import type { Gateway } from '../gateway.js';
import type { Generation } from '../generation.js';

/** What is known of the subgraphs of one supergraph. */
interface Round {
  readonly generation: Generation;
  /** Those that have answered at some time. */
  readonly answered: Set<string>;
  /** The questions that are under way. */
  checking: Promise<ReadonlyMap<string, Health>> | undefined;
}

/**
 * `/health/live` answers as long as the process does. `/health/ready` answers 200 once every subgraph of the current
 * supergraph has answered, and tells of each how it is now: a subgraph that fails later costs its own fields only, and
 * is no reason to take the gateway out of service.
 */
export function registerHealth(server: FastifyInstance, gateway: Gateway): void {
  let round = begin();

  function begin(): Round {
    return { generation: gateway.current, answered: new Set(), checking: undefined };
  }

  /** Callers at the same time share one round of questions. */
  async function check(current: Round): Promise<ReadonlyMap<string, Health>> {
    current.checking ??= gateway.checkSubgraphs().finally(() => {
      current.checking = undefined;
    });
    const subgraphs = await current.checking;
    for (const [name, health] of subgraphs) if (health.state === 'UP') current.answered.add(name);
    return subgraphs;
  }

  server.get('/health/live', () => ({ state: 'UP' }));
  server.get('/health/ready', async (_request, reply) => {
    if (round.generation !== gateway.current) round = begin();
    const current = round;
    const subgraphs = await check(current);
    const ready = [...subgraphs.keys()].every((name) => current.answered.has(name));
    void reply.code(ready ? 200 : 503);
    return {
      state: ready ? 'UP' : 'DOWN',
      supergraph: current.generation.snapshot.id,
      subgraphs: Object.fromEntries(subgraphs),
    };
  });
}
