import type { Gateway } from '../gateway.js';
import type { ChangeOutcome, RegistrationInput, ServedSubgraph } from '../registration/subgraph-change.js';
import type { SubgraphRegistry } from '../registration/subgraph-registry.js';
import type { AdminResolvers } from './admin-schema.js';

export interface RegistrationResolversOptions {
  readonly gateway: Pick<Gateway, 'current' | 'checkSubgraphs'>;
  readonly registry: SubgraphRegistry;
}

interface Input<T> {
  readonly input: T & { readonly dryRun?: boolean | null };
}

/** The subgraphs of a gateway, and changes of them. */
export function createRegistrationResolvers({
  gateway,
  registry,
}: RegistrationResolversOptions): AdminResolvers {
  // One query asks each subgraph once, however many of them it lists.
  const checks = new WeakMap<object, ReturnType<Gateway['checkSubgraphs']>>();

  function check(context: object): ReturnType<Gateway['checkSubgraphs']> {
    const known = checks.get(context) ?? gateway.checkSubgraphs();
    checks.set(context, known);
    return known;
  }

  return {
    Query: {
      subgraphs: () => [...registry.list()].sort((one, other) => one.name.localeCompare(other.name)),
      supergraph: () => gateway.current.snapshot,
    },
    Mutation: {
      async registerSubgraph(_parent, { input }: Input<RegistrationInput>) {
        const outcome = await registry.register(input, { dryRun: input.dryRun === true });
        const subgraph = registry.list().find(({ name }) => name === input.name);
        return { ...toPayload(outcome), subgraph: outcome.kind === 'taken' ? subgraph : undefined };
      },
      async removeSubgraph(_parent, { input }: Input<{ readonly name: string }>) {
        const outcome = await registry.remove(input.name, { dryRun: input.dryRun === true });
        return { ...toPayload(outcome), name: outcome.kind === 'taken' ? input.name : undefined };
      },
    },
    Subgraph: {
      async health({ name, state }: ServedSubgraph, _args, context) {
        if (state === 'REFUSED') return 'UNKNOWN';
        const health = (await check(context)).get(name);
        return health?.state ?? 'UNKNOWN';
      },
    },
  };
}

function toPayload(outcome: ChangeOutcome) {
  return outcome.kind === 'refused'
    ? { report: undefined, userErrors: outcome.problems }
    : { report: outcome, userErrors: [] };
}
