import { gatewayProcessSettings } from '../config.js';
import { defineCommand } from './command.js';

export const gateway = defineCommand<typeof gatewayProcessSettings>({
  name: 'gateway',
  summary: 'The gateway alone, in front of the subgraphs that a supergraph file names. Needs no database.',
  words: [],
  flags: [],
  settings: () => Promise.resolve(gatewayProcessSettings),
  async run(run) {
    const { runGateway } = await import('../run/gateway.js');
    await runGateway(run);
  },
});
