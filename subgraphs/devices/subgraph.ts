import { defineSubgraph } from '../../kernel/graphql/subgraph.js';
import { settings } from './config.js';
import { createDevices } from './devices.js';

/** The registry of devices, their readings, and the doors by which readings come in. */
export const subgraph = defineSubgraph({
  name: 'devices',
  settings,
  create: createDevices,
});
