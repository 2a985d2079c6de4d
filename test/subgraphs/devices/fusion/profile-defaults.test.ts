import { describe, expect, it } from '@jest/globals';
import { withProfileDefaults } from '../../../../subgraphs/devices/fusion/profile-defaults.js';

const PROFILE = { fusion: { temperature: { method: 'MEDIAN', alignment: 'NEAREST', maxGapMs: 5_000 } } };
const withDefaults = (config: Parameters<typeof withProfileDefaults>[0]) =>
  withProfileDefaults(config, 'temperature', [PROFILE, undefined]);

describe('the fusion defaults of a profile', () => {
  it('fill in what was left out', () => {
    expect(withDefaults({})).toEqual(PROFILE.fusion.temperature);
    expect(withDefaults({ alignment: 'LINEAR' })).toEqual({
      ...PROFILE.fusion.temperature,
      alignment: 'LINEAR',
    });
  });

  it('bring no alignment that the method which was asked for does not take', () => {
    expect(withDefaults({ method: 'KALMAN_LEVEL' })).toEqual({ method: 'KALMAN_LEVEL', maxGapMs: 5_000 });
    expect(withDefaults({ method: 'MAJORITY' })).toMatchObject({ method: 'MAJORITY', alignment: 'NEAREST' });
  });
});
