import type { SettingsTable } from '../../kernel/config/settings.js';
import { startSettings } from '../config.js';
import { loadSubgraphSettings } from '../subgraph-settings.js';
import { defineCommand } from './command.js';

export const start = defineCommand<typeof startSettings & SettingsTable>({
  name: 'start',
  summary:
    'Everything in one process: database, broker, subgraphs, gateway, and a probe that measures this machine.',
  words: [],
  flags: [],
  settings: async () => ({ ...startSettings, ...(await loadSubgraphSettings()) }),
  async run(run) {
    const { runStart } = await import('../run/start.js');
    await runStart(run);
  },
});
