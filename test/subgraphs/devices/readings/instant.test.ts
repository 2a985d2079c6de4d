import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseInstantUs } from '../../../../subgraphs/devices/readings/instant.js';

describe('reading an instant', () => {
  it('agrees with the engine on every instant with milliseconds', () => {
    const valid = fc.date({
      noInvalidDate: true,
      min: new Date('0001-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59Z'),
    });
    fc.assert(
      fc.property(valid, (date) => {
        expect(parseInstantUs(date.toISOString())).toBe(date.getTime() * 1_000);
      }),
    );
  });

  it('keeps microseconds and cuts off what is finer', () => {
    expect(parseInstantUs('2026-01-31T12:00:00.000001Z')).toBe(Date.UTC(2026, 0, 31, 12) * 1_000 + 1);
    expect(parseInstantUs('2026-01-31T12:00:00.0000019Z')).toBe(Date.UTC(2026, 0, 31, 12) * 1_000 + 1);
  });

  it.each(['-00:00', '+23:59', '-12:30'])('applies the offset %s', (offset) => {
    const text = `2026-01-31T12:00:00${offset}`;
    expect(parseInstantUs(text)).toBe(Date.parse(text) * 1_000);
  });

  it.each([
    '2026-01-31',
    '2026-01-31T12:00:00',
    '2026-01-31T24:00:00Z',
    '2026-01-31T12:60:00Z',
    '2026-12-31T23:59:60Z',
    '2026-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-01-31T12:00:00+24:00',
    '2026-01-31T12:00:00.Z',
    ' 2026-01-31T12:00:00Z',
    '',
  ])('takes %j for none', (text) => {
    expect(parseInstantUs(text)).toBeUndefined();
  });
});
