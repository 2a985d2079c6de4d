import { settings as gatewaySettings } from '../../gateway/config.js';
import type { SettingsTable } from '../../kernel/config/settings.js';
import { databaseSettings, listenSettings, probeSettings, processSettings } from '../config.js';
import { loadSubgraphSettings } from '../subgraph-settings.js';
import { defineCommand, type CommandRun } from './command.js';

const settings = {
  ...listenSettings,
  ...databaseSettings,
  ...probeSettings,
  ...processSettings,
  ...gatewaySettings,
};

type StartSettings = typeof settings & SettingsTable;

export type StartRun = CommandRun<StartSettings>;

export const start = defineCommand<StartSettings>({
  name: 'start',
  summary:
    'Everything in one process: database, broker, subgraphs, gateway, and a probe that measures this machine.',
  words: [],
  flags: [],
  settings: async () => ({ ...settings, ...(await loadSubgraphSettings()) }),
  async run(run) {
    const { runStart } = await import('../run/start.js');
    await runStart(run);
  },
});
