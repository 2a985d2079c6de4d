import type { FastifyInstance } from 'fastify';
import type { Health } from '../../kernel/graphql/subgraph.js';
import type { Gateway } from '../gateway.js';

/**
 * `/health/live` answers as long as the process does. `/health/ready` answers 200 once every subgraph of the current
 * supergraph has answered, and tells of each how it is now: a subgraph that fails later costs its own fields only, and
 * is no reason to take the gateway out of service.
 */
export function registerHealth(server: FastifyInstance, gateway: Gateway): void {
  let answered = new Set<string>();
  let checkedFor = gateway.current;
  let checking: Promise<ReadonlyMap<string, Health>> | undefined;

  async function check(): Promise<ReadonlyMap<string, Health>> {
    // Callers at the same time share one round of questions.
    checking ??= gateway.checkSubgraphs().finally(() => {
      checking = undefined;
    });
    return checking;
  }

  server.get('/health/live', () => ({ state: 'UP' }));
  server.get('/health/ready', async (_request, reply) => {
    if (checkedFor !== gateway.current) {
      checkedFor = gateway.current;
      answered = new Set();
    }
    const subgraphs = await check();
    for (const [name, health] of subgraphs) if (health.state === 'UP') answered.add(name);
    const ready = [...subgraphs.keys()].every((name) => answered.has(name));
    void reply.code(ready ? 200 : 503);
    return {
      state: ready ? 'UP' : 'DOWN',
      supergraph: gateway.current.snapshot.id,
      subgraphs: Object.fromEntries(subgraphs),
    };
  });
}
