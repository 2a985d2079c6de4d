import { describe, expect, it } from '@jest/globals';
import type {
  Condition,
  DeviceView,
  Sample,
} from '../../../../subgraphs/devices/alarms/conditions/condition.js';
import { createExpression } from '../../../../subgraphs/devices/alarms/conditions/expression.js';
import { parseFormula } from '../../../../subgraphs/devices/alarms/conditions/formula.js';
import { createGeofence } from '../../../../subgraphs/devices/alarms/conditions/geofence.js';
import { isOutside } from '../../../../subgraphs/devices/alarms/conditions/limits.js';
import { distanceMetres, isInPolygon } from '../../../../subgraphs/devices/alarms/conditions/position.js';
import { createQuality } from '../../../../subgraphs/devices/alarms/conditions/quality.js';
import { createRate } from '../../../../subgraphs/devices/alarms/conditions/rate.js';
import { createThreshold } from '../../../../subgraphs/devices/alarms/conditions/threshold.js';
import { Track } from '../../../../subgraphs/devices/alarms/evaluation/track.js';
import type { Quality } from '../../../../subgraphs/devices/codecs/codec.js';

function sample(metric: string, atMs: number, value: number, quality: Quality = 'GOOD'): Sample {
  return { metric, value, unit: '1', quality, measuredAtMs: atMs, receivedAtMs: atMs };
}

/** What is remembered after some readings. */
function viewOf(samples: readonly Sample[], windowMs = 0): DeviceView {
  const tracks = new Map<string, Track>();
  for (const one of samples) {
    const track = tracks.get(one.metric) ?? new Track();
    track.widen(windowMs);
    track.add(one);
    tracks.set(one.metric, track);
  }
  return {
    newest: (metric) => tracks.get(metric)?.newest,
    newestUsable: (metric) => tracks.get(metric)?.newestUsable,
    history: (metric) => tracks.get(metric)?.history ?? [],
  };
}

const looks = (condition: Condition, samples: readonly Sample[], held = false) =>
  condition.holds(viewOf(samples, condition.windowMs), held);

describe('limits', () => {
  it.each([
    [30, { above: 30, deadband: 0 }, false, false],
    [30.1, { above: 30, deadband: 0 }, false, true],
    [29, { above: 30, deadband: 2 }, true, true],
    [28, { above: 30, deadband: 2 }, true, false],
    [29, { above: 30, deadband: 2 }, false, false],
    [5, { below: 10, deadband: 0 }, false, true],
    [11, { below: 10, deadband: 2 }, true, true],
    [12, { below: 10, deadband: 2 }, true, false],
    [20, { above: 30, below: 10, deadband: 5 }, true, false],
    [31, { above: 30, below: 10, deadband: 0 }, false, true],
    [9, { above: 30, below: 10, deadband: 0 }, false, true],
  ])('say of %d in %j, held %s, that it is outside: %s', (value, limits, held, outside) => {
    expect(isOutside(value, limits, held)).toBe(outside);
  });
});

describe('a threshold', () => {
  it('passes over what says nothing, and explains itself', () => {
    const condition = createThreshold({ metric: 't', above: 1, deadband: 0 });
    expect(looks(condition, [])).toBeUndefined();
    expect(looks(condition, [sample('t', 0, 5, 'BAD')])).toBeUndefined();
    expect(looks(condition, [sample('t', 0, 5), sample('t', 1, 0, 'STALE')])).toBe(true);
    expect(looks(condition, [sample('t', 0, 5, 'UNCERTAIN')])).toBe(true);
    expect(condition.explain(viewOf([sample('t', 0, 5)])).message).toBe('t is 5 1, above 1');
  });
});

describe('a rate', () => {
  const condition = createRate({ metric: 't', windowMs: 10_000, above: 1, below: -1, deadband: 0 });

  it('is the slope from the oldest reading of the window to the newest', () => {
    expect(looks(condition, [sample('t', 0, 0), sample('t', 10_000, 11)])).toBe(true);
    expect(looks(condition, [sample('t', 0, 0), sample('t', 10_000, 9)])).toBe(false);
    expect(looks(condition, [sample('t', 0, 100), sample('t', 10_000, 80)])).toBe(true);
    // What is older than the window makes no difference.
    expect(looks(condition, [sample('t', 0, -1_000), sample('t', 5_000, 0), sample('t', 15_000, 5)])).toBe(
      false,
    );
  });

  it('says nothing of readings that are too near to each other', () => {
    expect(looks(condition, [sample('t', 0, 0)])).toBeUndefined();
    expect(looks(condition, [sample('t', 0, 0), sample('t', 4_999, 100)])).toBeUndefined();
  });

  it('keeps a bounded number of readings, however many come', () => {
    const track = new Track();
    track.widen(10_000);
    for (let at = 0; at < 100_000; at += 1) track.add(sample('t', at, at));
    expect(track.history.length).toBeLessThanOrEqual(502);
    expect((track.newest?.measuredAtMs ?? 0) - (track.history[0]?.measuredAtMs ?? 0)).toBeGreaterThan(9_950);
  });
});

describe('distances on the earth', () => {
  it('are those of the haversine formula', () => {
    // A quarter of a great circle: π/2 · 6371008.8 m.
    expect(distanceMetres({ latitude: 0, longitude: 0 }, { latitude: 0, longitude: 90 })).toBeCloseTo(
      10_007_557.18,
      1,
    );
    // Berlin to Paris: 877 to 878 km.
    const [berlin, paris] = [
      { latitude: 52.52, longitude: 13.405 },
      { latitude: 48.8566, longitude: 2.3522 },
    ];
    expect(distanceMetres(berlin, paris) / 1_000).toBeCloseTo(877.46, 0);
    expect(distanceMetres({ latitude: 0, longitude: 179.5 }, { latitude: 0, longitude: -179.5 })).toBeCloseTo(
      111_195.08,
      1,
    );
  });
});

describe('polygons', () => {
  const square = [
    { latitude: 0, longitude: 0 },
    { latitude: 0, longitude: 10 },
    { latitude: 10, longitude: 10 },
    { latitude: 10, longitude: 0 },
  ];
  const notch = [...square.slice(0, 3), { latitude: 5, longitude: 5 }, ...square.slice(3)];

  it('hold what an odd number of their sides is east of', () => {
    expect(isInPolygon({ latitude: 5, longitude: 5 }, square)).toBe(true);
    expect(isInPolygon({ latitude: 5, longitude: 11 }, square)).toBe(false);
    expect(isInPolygon({ latitude: -1, longitude: 5 }, square)).toBe(false);
    expect(isInPolygon({ latitude: 8, longitude: 5 }, notch)).toBe(false);
    expect(isInPolygon({ latitude: 3, longitude: 5 }, notch)).toBe(true);
  });

  it('may cross the antimeridian', () => {
    const fiji = [
      { latitude: -20, longitude: 177 },
      { latitude: -20, longitude: -178 },
      { latitude: -15, longitude: -178 },
      { latitude: -15, longitude: 177 },
    ];
    for (const longitude of [178, 179.9, -179.9, -179]) {
      expect(isInPolygon({ latitude: -17, longitude }, fiji)).toBe(true);
    }
    for (const longitude of [176, -177, 0, 90]) {
      expect(isInPolygon({ latitude: -17, longitude }, fiji)).toBe(false);
    }
  });
});

describe('a geofence', () => {
  const condition = createGeofence({
    ...{ latitudeMetric: 'lat', longitudeMetric: 'lon', raiseWhen: 'INSIDE' },
    fence: { kind: 'circle', centre: { latitude: 0, longitude: 0 }, radiusMetres: 1_000 },
  });

  it('says nothing of a latitude and a longitude of different instants', () => {
    expect(looks(condition, [sample('lat', 1, 0), sample('lon', 1, 0)])).toBe(true);
    expect(looks(condition, [sample('lat', 1, 1), sample('lon', 1, 0)])).toBe(false);
    expect(looks(condition, [sample('lat', 2, 0), sample('lon', 1, 0)])).toBeUndefined();
  });
});

describe('quality', () => {
  it('looks at the newest reading', () => {
    const condition = createQuality('t', ['BAD', 'STALE']);
    expect(looks(condition, [sample('t', 0, 1, 'BAD')])).toBe(true);
    expect(looks(condition, [sample('t', 0, 1, 'BAD'), sample('t', 1, 1)])).toBe(false);
  });
});

describe('an expression', () => {
  const VALUES: Readonly<Record<string, number>> = { a: 3, b: 4, 'cpu.user': 50, 'battery-level': 7 };
  const compute = (text: string) => parseFormula(text).evaluate((metric) => VALUES[metric] ?? NaN);

  it.each([
    ['a * a + b * b == 25', true],
    ['a > 2 && b > 4', false],
    ['a > 2 || b > 4', true],
    ['!(a > 2)', false],
    ['-a < 0', true],
    ['cpu.user >= 50', true],
    ['metric("battery-level") == 7', true],
    ['max(a, b) - min(a, b) == abs(a - b)', true],
    ['(a > b ? a : b) == 4', true],
    ['pow(a, 2) == 9 && sqrt(b) == 2 && a % 2 == 1', true],
    ['a + 1 > 3 == 1 > 0', undefined],
  ])('computes %s', (text, holds) => {
    if (holds === undefined) expect(() => parseFormula(text)).toThrow(/expected numbers/i);
    else expect(compute(text)).toBe(holds);
  });

  it('knows its metrics, and says nothing before each of them has a value', () => {
    expect(parseFormula('a > b && a > cpu.user').metrics).toEqual(['a', 'b', 'cpu.user']);
    const condition = createExpression('x > y');
    expect(looks(condition, [sample('x', 0, 2)])).toBeUndefined();
    expect(looks(condition, [sample('x', 0, 2), sample('y', 5, 1)])).toBe(true);
  });

  it.each([
    ['a', /expected a condition/i],
    ['1 > 0', /expected 1 to 16 metrics/i],
    ['a >', /expected an expression/i],
    ['a > "b"', /expected a number/i],
    ['a && b', /expected conditions for `&&`/i],
    ['(a > 1) > 2', /expected numbers for `>`/i],
    ['exec(a) > 1', /expected one of the functions/i],
    ['a.constructor("x") > 1', /expected one of the functions/i],
    ['a[0] > 1', /expected the name of a metric/i],
    ['this > 1', /expected one expression/i],
    ['a = 1', /expected one of|expected an expression/i],
    ['a > 1; b > 1', /expected one expression/i],
    ['a | 1 > 0', /expected/i],
    ['pow(a) > 1', /expected 2 values/i],
    [`a > ${'1'.repeat(1_000)}`, /at most 1000 characters/i],
  ])('refuses %s', (text, message) => {
    expect(() => parseFormula(text)).toThrow(message);
  });
});
