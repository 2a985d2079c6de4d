import { describe, expect, it } from '@jest/globals';
import { formatStep } from '../../../dashboard/ui/format.js';

describe('The ticks of an axis', () => {
  it.each([
    [
      [-1.255, -1.25, -1.245],
      ['-1.255', '-1.250', '-1.245'],
    ],
    [
      [0, 0.5, 1],
      ['0.0', '0.5', '1.0'],
    ],
    [
      [0, 0.1, 0.2],
      ['0.0', '0.1', '0.2'],
    ],
    [
      [0, 20, 40],
      ['0', '20', '40'],
    ],
    [
      [0.0025, 0.005, 0.0075],
      ['0.0025', '0.0050', '0.0075'],
    ],
    [[3], ['3']],
  ])('tell %j apart', (ticks, texts) => {
    const step = (ticks[1] ?? 0) - (ticks[0] ?? 0);
    expect(ticks.map((tick) => formatStep(tick, ticks.length > 1 ? step : 0))).toEqual(texts);
  });
});
