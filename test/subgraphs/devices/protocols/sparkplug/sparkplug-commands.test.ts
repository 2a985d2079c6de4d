import { describe, expect, it } from '@jest/globals';
import { DATATYPES } from '../../../../../subgraphs/devices/codecs/sparkplug/sparkplug-payload.js';
import { toCommandMetrics } from '../../../../../subgraphs/devices/protocols/sparkplug/sparkplug-commands.js';
import type { Downlink } from '../../../../../subgraphs/devices/sessions/session.js';

const command = (input: unknown): Downlink => ({
  ...{ kind: 'command', id: 'cmd_1', action: 'identify', input, payload: 'envelope' },
  expiresAt: new Date(0),
});
const noType = () => undefined;

describe('what a device of Sparkplug is told', () => {
  it.each<[unknown, unknown]>([
    [null, [{ name: 'identify', datatype: DATATYPES.Boolean, value: { kind: 'BOOLEAN', value: true } }]],
    [5, [{ name: 'identify', datatype: DATATYPES.Int64, value: { kind: 'LONG', value: 5n } }]],
    [0.5, [{ name: 'identify', datatype: DATATYPES.Double, value: { kind: 'NUMBER', value: 0.5 } }]],
    [
      { seconds: 5, colour: 'red' },
      [
        { name: 'identify/seconds', datatype: DATATYPES.Int64, value: { kind: 'LONG', value: 5n } },
        { name: 'identify/colour', datatype: DATATYPES.String, value: { kind: 'TEXT', value: 'red' } },
      ],
    ],
  ])('writes a command with the input %j as metrics', (input, metrics) => {
    expect(toCommandMetrics(command(input), noType)).toEqual(metrics);
  });

  it('writes what is desired in the types of the birth', () => {
    const types = new Map<string, number>([
      ['interval', DATATYPES.Int32],
      ['setpoint', DATATYPES.Double],
    ]);
    const desired = {
      kind: 'desired',
      version: 1,
      desired: { interval: -1, setpoint: 21, gone: null },
    } as const;
    expect(toCommandMetrics(desired, (name) => types.get(name))).toEqual([
      { name: 'interval', datatype: DATATYPES.Int32, value: { kind: 'NUMBER', value: 0xffff_ffff } },
      { name: 'setpoint', datatype: DATATYPES.Double, value: { kind: 'NUMBER', value: 21 } },
      { name: 'gone', datatype: DATATYPES.String, isNull: true },
    ]);
  });
});
