import { edgeProcessSettings } from '../edge/edge-process-settings.js';
import { defineCommand } from './command.js';

export const edge = defineCommand<typeof edgeProcessSettings>({
  name: 'edge',
  summary: 'Beside devices: keeps their telemetry on disk while the hub is away, and hands it on in order.',
  words: [],
  flags: [
    {
      name: 'replay-dead-letters',
      description:
        'Hands on once more what the hub has refused, such as that of a device not registered then.',
    },
  ],
  settings: () => Promise.resolve(edgeProcessSettings),
  async run(run) {
    const { runEdge } = await import('../run/edge.js');
    await runEdge(run);
  },
});
