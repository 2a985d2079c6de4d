import { defineSubgraph } from '../../kernel/graphql/subgraph.js';
import { settings } from './config.js';
import { createConsciousness } from './consciousness.js';

/** The network of nodes whose signals are metrics of devices, and how they move together. */
export const subgraph = defineSubgraph({
  name: 'consciousness',
  settings,
  create: createConsciousness,
});
