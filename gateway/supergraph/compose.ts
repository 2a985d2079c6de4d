import { composeServices } from '@apollo/composition';
import { parse, type DocumentNode } from 'graphql';
import { CompositionFailed, type CompositionProblem } from './composition-failed.js';

/** One subgraph's contract and where it answers. */
export interface SubgraphContract {
  readonly name: string;
  readonly url: string;
  readonly typeDefs: DocumentNode;
}

/** The same, with the contract as SDL. */
export interface SubgraphText {
  readonly name: string;
  /** Empty when it is reached in another way. */
  readonly url: string;
  readonly sdl: string;
}

/** What subgraphs compose to. */
export interface ComposedSupergraph {
  readonly sdl: string;
  /** What is legal and yet may not be meant. */
  readonly hints: readonly CompositionProblem[];
}

/** Composes subgraph contracts into the SDL of one supergraph. Errors: {@link CompositionFailed}. */
export function composeSupergraph(contracts: readonly SubgraphContract[]): string {
  return compose(contracts).sdl;
}

/** Composes the SDL of subgraphs. Errors: {@link CompositionFailed}, also for SDL that cannot be parsed. */
export function composeSubgraphTexts(subgraphs: readonly SubgraphText[]): ComposedSupergraph {
  return compose(subgraphs.map(({ name, url, sdl }) => ({ name, url, typeDefs: parseContract(name, sdl) })));
}

function compose(contracts: readonly SubgraphContract[]): ComposedSupergraph {
  const outcome = composeServices(contracts.map(({ name, url, typeDefs }) => ({ name, url, typeDefs })));
  if (outcome.errors) {
    throw new CompositionFailed(
      outcome.errors.map(({ message, extensions }) => ({ code: codeOf(extensions['code']), message })),
    );
  }
  const hints = outcome.hints.map(({ definition, message }) => ({ code: definition.code, message }));
  return { sdl: `${outcome.supergraphSdl}\n`, hints };
}

function parseContract(name: string, sdl: string): DocumentNode {
  try {
    return parse(sdl, { noLocation: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CompositionFailed([{ code: 'INVALID_GRAPHQL', message: `[${name}] ${reason}` }]);
  }
}

function codeOf(code: unknown): string {
  return typeof code === 'string' ? code : 'INVALID_GRAPHQL';
}
