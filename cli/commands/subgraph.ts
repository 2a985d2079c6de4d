import type { SettingsTable } from '../../kernel/config/settings.js';
import { databaseSettings, listenSettings, processSettings } from '../config.js';
import { loadSubgraphSettings } from '../subgraph-settings.js';
import { defineCommand, type CommandRun } from './command.js';

const settings = {
  host: listenSettings.host,
  port: {
    ...listenSettings.port,
    description:
      'The TCP port to listen on; 0 takes any free one. By default the one in schema/supergraph.graphql.',
    schema: listenSettings.port.schema.optional(),
  },
  ...databaseSettings,
  ...processSettings,
  handOverSecret: {
    ...processSettings.handOverSecret,
    schema: processSettings.handOverSecret.schema.unwrap(),
  },
};

type SubgraphSettings = typeof settings & SettingsTable;

export type SubgraphRun = CommandRun<SubgraphSettings>;

export const subgraph = defineCommand<SubgraphSettings>({
  name: 'subgraph',
  summary: 'One subgraph as a process of its own, over HTTP and WebSocket.',
  words: ['NAME'],
  flags: [],
  settings: async ([name]) => ({ ...settings, ...(await loadSubgraphSettings(name)) }),
  async run(run) {
    const { runSubgraph } = await import('../run/subgraph.js');
    await runSubgraph(run);
  },
});
