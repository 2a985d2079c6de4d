import { defineSubgraph } from '../../kernel/graphql/subgraph.js';
import { settings } from './config.js';
import { createEvents } from './events.js';

/** The log of facts, to be read, followed and joined with what the facts are about. */
export const subgraph = defineSubgraph({
  name: 'events',
  settings,
  create: createEvents,
});
