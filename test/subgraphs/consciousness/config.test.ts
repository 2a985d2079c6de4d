import { describe, expect, it } from '@jest/globals';
import { readSettings, SettingsError } from '../../../kernel/config/settings.js';
import { settings } from '../../../subgraphs/consciousness/config.js';

const read = (env: Record<string, string>) => readSettings(settings, { flags: {}, env });

describe('the settings', () => {
  it('have their defaults', () => {
    expect(read({})).toEqual({
      ...{ mqttUrl: undefined, mqttClientId: 'aegis-consciousness', mqttVersion: 'auto' },
      ...{ mqttCertFile: undefined, mqttKeyFile: undefined, mqttCaFile: undefined },
      maxStateAheadSeconds: 300,
      ...{ nodeCount: 13, nodeDevice: 'host', samplePeriodMs: 1_000, windowSamples: 64 },
      ...{ minimumSamples: 16, stalePeriods: 10, sampleRetentionHours: 168 },
      ...{ metricsSamples: 256, metricsMinimum: 64, metricsLag: 1, metricsSurrogates: 19 },
      ...{ fastPeriodMs: 100, metricsPeriodMs: 200, metricsRenewed: 2, networkGraph: 'auto' },
      phiMethod: 'GAUSSIAN_WHOLE_MINUS_SUM',
      ...{ generatorAtStart: undefined, measurementRetentionHours: 24, rollupRetentionDays: 90 },
      reportRetentionHours: 168,
    });
  });

  it('are read as numbers and names', () => {
    expect(read({ AEGIS_NODE_COUNT: '64', AEGIS_NODE_DEVICE: 'pump.1' })).toMatchObject({
      nodeCount: 64,
      nodeDevice: 'pump.1',
    });
  });

  it.each([
    ['AEGIS_NODE_COUNT', '1'],
    ['AEGIS_NODE_COUNT', '65'],
    ['AEGIS_NODE_COUNT', '1e1'],
    ['AEGIS_SAMPLE_WINDOW', '4097'],
    ['AEGIS_SAMPLE_PERIOD_MS', '-5'],
    ['AEGIS_NODE_DEVICE', 'two words'],
  ])('refuse %s=%s with what was expected and what came', (name, value) => {
    expect(() => read({ [name]: value })).toThrow(SettingsError);
    expect(() => read({ [name]: value })).toThrow(`${name}: expected`);
    expect(() => read({ [name]: value })).toThrow(JSON.stringify(value));
  });
});
