import { defineCommand } from './command.js';

export const compose = defineCommand({
  name: 'compose',
  summary: 'Writes schema/supergraph.graphql from the subgraphs’ contracts.',
  words: [],
  flags: [
    { name: 'url', value: 'NAME=URL', description: 'The address of a subgraph; may be given for each.' },
    { name: 'out', value: 'FILE', description: 'Where to write instead of schema/supergraph.graphql.' },
    { name: 'check', description: 'Writes nothing, and fails when the file is not what would be written.' },
  ],
  settings: () => Promise.resolve({}),
  async run(run) {
    const { runCompose } = await import('../run/compose.js');
    await runCompose(run);
  },
});
