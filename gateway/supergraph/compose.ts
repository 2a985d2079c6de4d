import { composeServices } from '@apollo/composition';
import type { DocumentNode } from 'graphql';

/** One subgraph's contract and where it answers. */
export interface SubgraphContract {
  readonly name: string;
  readonly url: string;
  readonly typeDefs: DocumentNode;
}

/** The subgraphs do not fit together; one line for each reason. */
export class CompositionFailed extends Error {
  override readonly name = 'CompositionFailed';
  readonly reasons: readonly string[];

  constructor(reasons: readonly string[]) {
    super(`the subgraphs do not compose:\n${reasons.map((reason) => `- ${reason}`).join('\n')}`);
    this.reasons = reasons;
  }
}

/** Composes subgraph contracts into the SDL of one supergraph. Errors: {@link CompositionFailed}. */
export function composeSupergraph(contracts: readonly SubgraphContract[]): string {
  const outcome = composeServices(contracts.map(({ name, url, typeDefs }) => ({ name, url, typeDefs })));
  if (outcome.errors) throw new CompositionFailed(outcome.errors.map((error) => error.message));
  return `${outcome.supergraphSdl}\n`;
}
