import type { Profile } from '../../../../subgraphs/devices/profiles/profile.js';

/** A profile with a property `temperature`, and what a test gives beside. */
export function testProfile(parts: Partial<Profile>): Profile {
  return {
    ...{ name: 'test', version: 1, title: 'Test', description: null, actions: [], events: [] },
    properties: [
      {
        ...{
          name: 'temperature',
          description: null,
          type: 'NUMBER',
          unit: 'Cel',
          minimum: null,
          maximum: null,
        },
        ...{ resolution: null, states: [], calibration: { gain: 1, offset: 0 }, writable: false },
      },
    ],
    ...{ codec: { kind: 'JSON' }, fusion: {}, alarms: [], retentionHours: null, bluetooth: null, coap: null },
    ...parts,
  };
}
