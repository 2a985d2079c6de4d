import { settings as gatewaySettings } from '../../gateway/config.js';
import { listenSettings, processSettings, supergraphSettings } from '../config.js';
import { defineCommand, type CommandRun } from './command.js';

const settings = { ...supergraphSettings, ...listenSettings, ...gatewaySettings, ...processSettings };

export type GatewayRun = CommandRun<typeof settings>;

export const gateway = defineCommand<typeof settings>({
  name: 'gateway',
  summary: 'The gateway alone, in front of the subgraphs that a supergraph file names. Needs no database.',
  words: [],
  flags: [],
  settings: () => Promise.resolve(settings),
  async run(run) {
    const { runGateway } = await import('../run/gateway.js');
    await runGateway(run);
  },
});
