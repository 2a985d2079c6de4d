import type { FastifyInstance } from 'fastify';
import type { Health } from '../../kernel/graphql/subgraph.js';
import type { Gateway } from '../gateway.js';
import type { Generation } from '../generation.js';

/** What is known of the subgraphs of one supergraph. */
interface Round {
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
  // By their generations: a former one must not stay in memory until somebody asks again.
  const rounds = new WeakMap<Generation, Round>();

  function roundOf(generation: Generation): Round {
    const round = rounds.get(generation) ?? { answered: new Set(), checking: undefined };
    rounds.set(generation, round);
    return round;
  }

  /** Callers at the same time share one round of questions. */
  async function check(round: Round): Promise<ReadonlyMap<string, Health>> {
    round.checking ??= gateway.checkSubgraphs().finally(() => {
      round.checking = undefined;
    });
    const subgraphs = await round.checking;
    for (const [name, health] of subgraphs) if (health.state === 'UP') round.answered.add(name);
    return subgraphs;
  }

  server.get('/health/live', () => ({ state: 'UP' }));
  server.get('/health/ready', async (_request, reply) => {
    const { current } = gateway;
    const round = roundOf(current);
    const subgraphs = await check(round);
    const ready = [...subgraphs.keys()].every((name) => round.answered.has(name));
    void reply.code(ready ? 200 : 503);
    return {
      state: ready ? 'UP' : 'DOWN',
      supergraph: current.snapshot.id,
      subgraphs: Object.fromEntries(subgraphs),
    };
  });
}
