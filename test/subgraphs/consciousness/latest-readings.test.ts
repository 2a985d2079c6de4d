import { describe, expect, it } from '@jest/globals';
import { createLatestReadings } from '../../../subgraphs/consciousness/latest-readings.js';

const SIGNAL = { deviceId: 'dev_1', metric: 'load' };

function reading(value: unknown, measuredAt: string, receivedAt = measuredAt) {
  const instant = (time: string) => Date.parse(`2026-01-31T12:00:${time}Z`);
  return {
    ...{ ...SIGNAL, value, unit: '1', sequence: '1' },
    ...{ measuredAtMs: instant(measuredAt), receivedAtMs: instant(receivedAt) },
  };
}

const since = (time: string) => new Date(`2026-01-31T12:00:${time}Z`);

function open() {
  const readings = createLatestReadings();
  readings.follow([SIGNAL]);
  return readings;
}

describe('the latest readings', () => {
  it('hold the newest value, as fine as the device tells time', () => {
    const readings = open();
    readings.take([reading(1, '01.000'), reading(2, '02.000123')]);
    readings.take([reading(3, '03')]);
    expect(readings.read(SIGNAL, since('00.000'))).toBe(3);
  });

  it('are not taken back by a reading that was measured before', () => {
    const readings = open();
    readings.take([reading(2, '20'), reading(1, '10', '21')]);
    expect(readings.read(SIGNAL, since('00'))).toBe(2);
  });

  it('grow old by the time of measurement', () => {
    const readings = open();
    readings.take([reading(1, '10', '30')]);
    expect(readings.read(SIGNAL, since('10'))).toBe(1);
    expect(readings.read(SIGNAL, since('10.001'))).toBeUndefined();
  });

  it('grow old by the time of arrival when the clock of the device is ahead', () => {
    const readings = open();
    readings.take([reading(1, '50', '10'), reading(2, '12', '12')]);
    expect(readings.read(SIGNAL, since('12'))).toBe(2);
    expect(readings.read(SIGNAL, since('13'))).toBeUndefined();
  });

  it('are kept of signals that nobody follows as well, so that a node that is given one shows it at once', () => {
    const readings = open();
    const other = { deviceId: 'dev_1', metric: 'other' };
    readings.take([reading(1, '10'), { ...reading(2, '10'), ...other }]);
    expect(readings.read(other, since('00'))).toBeUndefined();
    readings.follow([SIGNAL, other]);
    expect(readings.read(SIGNAL, since('00'))).toBe(1);
    expect(readings.read(other, since('00'))).toBe(2);
  });

  it('are forgotten of signals that nobody follows when more than a thousand others have come since', () => {
    const readings = open();
    const other = (place: number) => ({ deviceId: 'dev_2', metric: String(place) });
    for (let place = 0; place < 1_025; place += 1)
      readings.take([{ ...reading(place, '10'), ...other(place) }]);
    readings.follow([other(0), other(1)]);
    expect(readings.read(other(0), since('00'))).toBeUndefined();
    expect(readings.read(other(1), since('00'))).toBe(1);
  });

  it('count the messages that are no readings', () => {
    const broken = [
      null,
      7,
      {},
      reading('1', '10'),
      reading(NaN, '10'),
      reading(Infinity, '10'),
      reading(1, 'soon'),
    ];
    const readings = open();
    expect(readings.take([...broken, reading(1, '10')])).toBe(broken.length);
    expect(readings.read(SIGNAL, since('00'))).toBe(1);
  });
});

describe('the quality of a reading', () => {
  const signal = { deviceId: 'dev_1', metric: 'a' };
  const reading = (value: number, quality: string, second: number) => ({
    ...{ ...signal, value, quality },
    measuredAtMs: 1_000 * second,
    receivedAtMs: 1_000 * second,
  });

  it('keeps what is bad or stale from being the signal, and marks what is simulated', () => {
    const readings = createLatestReadings();
    readings.follow([signal]);
    readings.take([reading(1, 'GOOD', 1), reading(9, 'BAD', 2), reading(8, 'STALE', 3)]);
    expect(readings.read(signal, new Date(0))).toBe(1);
    expect(readings.isSimulated(signal)).toBe(false);
    readings.take([reading(2, 'SIMULATED', 4)]);
    expect(readings.read(signal, new Date(0))).toBe(2);
    expect(readings.isSimulated(signal)).toBe(true);
  });
});

describe('the pace of the quickest signal', () => {
  it('is taken for the usual one until values have shown to come faster', () => {
    const signal = { own: 'STATE' as const, index: 3 };
    const readings = createLatestReadings({ usualMs: 1_000 });
    readings.follow([signal]);
    const push = (atMs: number) => readings.takeStates([{ index: 3, value: 1, atMs }]);
    push(0);
    expect(readings.quickest(new Date(0))).toBe(1_000);
    for (let tick = 1; tick <= 10; tick += 1) push(100 * tick);
    expect(readings.quickest(new Date(0))).toBeLessThan(500);
    expect(readings.quickest(new Date(5_000))).toBe(Infinity);
    expect(readings.takeStates([{ index: 3 }, null])).toBe(2);
  });
});
