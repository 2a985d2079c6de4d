import { createHash } from 'node:crypto';
import { buildASTSchema, Kind, parse, type DefinitionNode, type GraphQLSchema } from 'graphql';

/** Where a subgraph is. */
export interface SubgraphAddress {
  readonly name: string;
  /** Where it answers by HTTP; empty when it is reached in another way. */
  readonly url: string;
}

/** The names of the types of a whole supergraph, of the inaccessible ones too. */
export interface TypeMembership {
  readonly objects: readonly string[];
  /** Each interface and union, and its object types. */
  readonly members: readonly (readonly [abstract: string, objects: readonly string[]])[];
}

/** What execution needs to know of a supergraph, as it crosses from one thread to another. */
export interface SupergraphFacts {
  /** What clients see: a valid schema, definition by definition. */
  readonly apiSdl: readonly string[];
  readonly subgraphs: readonly SubgraphAddress[];
  readonly overrideLabels: readonly string[];
  readonly requiredObjects: readonly string[];
  readonly types: TypeMembership;
}

/** One supergraph, read and checked, that never changes: an operation keeps the one it began with. */
export interface SupergraphSnapshot {
  /** The first 16 hexadecimal digits of the SHA-256 of the SDL. */
  readonly id: string;
  readonly sdl: string;
  /** What clients see: without the joins and without what is inaccessible. */
  readonly apiSchema: GraphQLSchema;
  readonly subgraphs: readonly SubgraphAddress[];
  /** The labels under which fields are on their way from one subgraph to another (`@override(label:)`). */
  readonly overrideLabels: readonly string[];
  /** The names of fields that some key or `@requires` goes into. */
  readonly requiredObjects: ReadonlySet<string>;
  readonly types: TypeMembership;
}

/** The text is no supergraph that can be served. */
export class SupergraphInvalid extends Error {
  override readonly name = 'SupergraphInvalid';
}

/**
 * Makes the snapshot of a supergraph that was read.
 *
 * @param definitions the parsed definitions of {@link SupergraphFacts.apiSdl}.
 */
export function createSnapshot(
  sdl: string,
  facts: SupergraphFacts,
  definitions: readonly DefinitionNode[] = facts.apiSdl.flatMap(parseDefinitions),
): SupergraphSnapshot {
  const { subgraphs, overrideLabels, requiredObjects, types } = facts;
  return {
    id: createHash('sha256').update(sdl).digest('hex').slice(0, 16),
    sdl,
    // It was validated where it was read.
    apiSchema: buildASTSchema({ kind: Kind.DOCUMENT, definitions }, { assumeValid: true }),
    subgraphs,
    overrideLabels,
    requiredObjects: new Set(requiredObjects),
    types,
  };
}

/** Reads a part of {@link SupergraphFacts.apiSdl}. */
export function parseDefinitions(sdl: string): readonly DefinitionNode[] {
  return parse(sdl, { noLocation: true }).definitions;
}
