import type { GraphQLFormattedError } from 'graphql';

/** A subgraph answered a subscription with errors instead of events. */
export class SubscriptionRefused extends Error {
  override readonly name = 'SubscriptionRefused';
  readonly errors: readonly GraphQLFormattedError[];

  constructor(errors: readonly GraphQLFormattedError[]) {
    super(errors.map((error) => error.message).join('; '));
    this.errors = errors;
  }
}
