import type { SlowClientPolicy } from './delivery.js';
import type { SubscriptionLimits } from './subscription-limits.js';

/** How subscriptions are brought to clients. */
export interface SubscriptionSettings extends SubscriptionLimits {
  readonly slowClientPolicy: SlowClientPolicy;
  /** The most bytes that wait for one client. */
  readonly maxUnsentBytes: number;
  /** How often in a row a subscription that its subgraph lost is begun again. */
  readonly subscriptionReconnects: number;
  /** How long at most the first of these waits, in milliseconds; each further one at most twice as long as the one before. */
  readonly subscriptionReconnectMs: number;
  /** Over how long clients are told to ask anew after a change of the schema, in milliseconds. */
  readonly schemaChangeSpreadMs: number;
}

/** What holds where nothing else is set. */
export const SUBSCRIPTION_DEFAULTS: SubscriptionSettings = {
  maxSubscriptions: 50_000,
  maxSubscriptionsPerIdentity: 20_000,
  maxSubscriptionsPerConnection: 100,
  slowClientPolicy: 'disconnect',
  maxUnsentBytes: 1_048_576,
  subscriptionReconnects: 5,
  subscriptionReconnectMs: 250,
  schemaChangeSpreadMs: 5_000,
};
