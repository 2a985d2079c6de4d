import type { SettingsTable } from '../../kernel/config/settings.js';
import { subgraphProcessSettings } from '../config.js';
import { listSubgraphNames } from '../subgraph-names.js';
import { loadSubgraphSettings } from '../subgraph-settings.js';
import { defineCommand } from './command.js';

export const subgraph = defineCommand<typeof subgraphProcessSettings & SettingsTable>({
  name: 'subgraph',
  summary: 'One subgraph as a process of its own, over HTTP and WebSocket.',
  words: ['NAME'],
  flags: [],
  settings: async ([name]) => ({ ...subgraphProcessSettings, ...(await loadSubgraphSettings(name)) }),
  async checkWords([name]) {
    const names = await listSubgraphNames();
    if (name !== undefined && names.includes(name)) return [];
    return [`NAME: expected one of ${names.join(', ')}, got ${name ?? 'nothing'}.`];
  },
  async run(run) {
    const { runSubgraph } = await import('../run/subgraph.js');
    await runSubgraph(run);
  },
});
