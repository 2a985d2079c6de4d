import { describe, expect, it } from '@jest/globals';
import type { RawReading } from '../../../../subgraphs/devices/codecs/codec.js';
import { senmlCborCodec, senmlJsonCodec } from '../../../../subgraphs/devices/codecs/senml/senml-codec.js';
import { listSenmlUnits, toUcum } from '../../../../subgraphs/devices/codecs/senml/senml-units.js';
import { createUnits } from '../../../../subgraphs/devices/profiles/units.js';

const ARRIVED_AT_US = Date.UTC(2026, 0, 31, 12) * 1_000;
const VOLTAGE_AT_US = 1_276_020_076_001_000;

const decode = (pack: unknown, ...metrics: readonly string[]) =>
  senmlJsonCodec.decode(Buffer.from(JSON.stringify(pack)), {
    arrivedAtUs: ARRIVED_AT_US,
    metrics: metrics.length > 0 ? new Map(metrics.map((metric) => [metric, true])) : undefined,
  }) as RawReading[];

const refusalOf = (pack: unknown) => () => decode(pack);

/** RFC 8428, §5.1.2: eight values of which most are relative in time to the first. */
const CURRENTS = [
  { metric: 'voltage', value: 120.1, unit: 'V', measuredAtUs: VOLTAGE_AT_US },
  ...[1.2, 1.3, 1.4, 1.5, 1.6, 1.7].map((value, index) => ({
    ...{ metric: 'current', value, unit: 'A' },
    measuredAtUs: VOLTAGE_AT_US - (5 - index) * 1_000_000,
  })),
];

describe('SenML', () => {
  it('reads a single value (RFC 8428, §5.1.1)', () => {
    const pack = [{ n: 'urn:dev:ow:10e2073a01080063', u: 'Cel', v: 23.1 }];
    expect(decode(pack, 'temperature')).toEqual([{ metric: 'temperature', value: 23.1, unit: 'Cel' }]);
    expect(decode(pack)).toEqual([{ metric: '10e2073a01080063', value: 23.1, unit: 'Cel' }]);
  });

  it('reads several values of a device (RFC 8428, §5.1.2)', () => {
    const pack = [
      { bn: 'urn:dev:ow:10e2073a01080063:', n: 'voltage', u: 'V', v: 120.1 },
      { n: 'current', u: 'A', v: 1.2 },
    ];
    expect(decode(pack)).toEqual([
      { metric: 'voltage', value: 120.1, unit: 'V' },
      { metric: 'current', value: 1.2, unit: 'A' },
    ]);
  });

  it('reads base fields and relative times (RFC 8428, §5.1.2)', () => {
    const [first, ...others] = CURRENTS;
    const pack = [
      {
        ...{ bn: 'urn:dev:ow:10e2073a0108006:', bt: 1.276020076001e9, bu: 'A', bver: 5 },
        ...{ n: 'voltage', u: 'V', v: first?.value },
      },
      ...others.map(({ value }, index) => ({
        n: 'current',
        ...(index < 5 ? { t: index - 5 } : {}),
        v: value,
      })),
    ];
    expect(decode(pack)).toEqual(CURRENTS);
  });

  it('reads the same in CBOR, octet by octet (RFC 8428, §6)', () => {
    const name = Buffer.from('urn:dev:ow:10e2073a0108006:').toString('hex');
    const current = '006763757272656e74';
    const hex =
      `87a721781b${name}22fb41d303a15b001062236141200500` +
      '67766f6c7461676501615602fb405e066666666666' +
      `a3${current}062402fb3ff3333333333333` +
      `a3${current}062302fb3ff4cccccccccccd` +
      `a3${current}062202fb3ff6666666666666` +
      `a3${current}062102f93e00` +
      `a3${current}062002fb3ff999999999999a` +
      `a3${current}060002fb3ffb333333333333`;
    expect(senmlCborCodec.decode(Buffer.from(hex, 'hex'), { arrivedAtUs: ARRIVED_AT_US })).toEqual(CURRENTS);
  });

  it('reads decimal fractions and whole numbers of 64 bits in CBOR', () => {
    // [{0: "t", 2: 4([-2, 27315])}, {0: "t", 2: 9007199254740993}]
    const hex = '82a20061740 2c482211 96ab3a200617402 1b0020000000000001'.replaceAll(' ', '');
    expect(senmlCborCodec.decode(Buffer.from(hex, 'hex'), { arrivedAtUs: 1 })).toMatchObject([
      { metric: 't', value: 273.15 },
      { metric: 't', value: 9007199254740992 },
    ]);
  });

  it('reads humidity without a time, relative to now and since 1970 (RFC 8428, §4.5.3)', () => {
    const pack = [
      { n: 'a', v: 1 },
      { n: 'a', v: 1, t: -10 },
      { n: 'a', v: 1, t: 2 ** 28 - 1 },
      { n: 'a', v: 1, t: 2 ** 28 },
      { n: 'a', v: 1, bt: 1.320067464e9, t: 60 },
    ];
    expect(decode(pack).map(({ measuredAtUs }) => measuredAtUs)).toEqual([
      undefined,
      ARRIVED_AT_US - 10_000_000,
      ARRIVED_AT_US + (2 ** 28 - 1) * 1_000_000,
      2 ** 28 * 1_000_000,
      1_320_067_524_000_000,
    ]);
  });

  it('reads words, a yes or no, and base values', () => {
    const pack = [
      { bn: 'urn:dev:1:', n: 'label', vs: 'Machine Room' },
      { n: 'open', vb: false },
      { bv: 20, n: 'temperature', u: 'Cel', v: 1.5 },
      { n: 'temperature', u: 'Cel' },
    ];
    expect(decode(pack)).toEqual([
      { metric: 'label', value: 'Machine Room' },
      { metric: 'open', value: false },
      { metric: 'temperature', value: 21.5, unit: 'Cel' },
      { metric: 'temperature', value: 20, unit: 'Cel' },
    ]);
  });

  it('reads a sum where the device declares it', () => {
    const pack = [{ n: 'power', u: 'W', v: 4, bs: 100, s: 20 }];
    expect(decode(pack, 'power')).toEqual([{ metric: 'power', value: 4, unit: 'W' }]);
    expect(decode(pack, 'power', 'power.sum')).toEqual([
      { metric: 'power', value: 4, unit: 'W' },
      { metric: 'power.sum', value: 120, unit: 'W.s' },
    ]);
    expect(() => decode([{ n: 'power', s: 1 }], 'power')).toThrow(/expected a metric power\.sum/);
  });

  it('finds the metric that a name stands for', () => {
    expect(decode([{ n: 'urn:dev:mac:0024befffe804ff1/temperature', v: 1 }])[0]?.metric).toBe('temperature');
    expect(decode([{ n: 'urn:dev:1:pressure', v: 1 }], 'temperature')[0]?.metric).toBe('pressure');
    expect(
      decode([{ n: 'urn:dev:mac:0024befffe804ff1/temperature', v: 1 }], 'temperature', 'b')[0]?.metric,
    ).toBe('temperature');
    expect(decode([{ bn: 'urn:dev:1:', n: 'room/air', v: 1 }], 'room.air', 'b')[0]?.metric).toBe('room.air');
  });

  it.each<[string, unknown, RegExp]>([
    ['what is no list', { n: 'a', v: 1 }, /expected a SenML pack/],
    ['an empty pack', [], /empty/],
    ['a record that is none', [1], /record 0: expected an object, got 1/],
    ['a value that is a text', [{ n: 'a', v: '1' }], /record 0: v: expected a number, got "1"/],
    ['two values', [{ n: 'a', v: 1, vb: true }], /expected one value, got v and vb/],
    ['a named record without a value', [{ n: 'a' }], /expected a value or a sum/],
    ['data', [{ n: 'a', vd: 'aGkg' }], /vd: expected a number/],
    ['a value without a name', [{ v: 1 }], /expected a name/],
    ['a name with a space', [{ n: 'a b', v: 1 }], /expected a name/],
    ['a field that must be understood', [{ n: 'a', v: 1, new_: 1 }], /"new_" must be understood/],
    ['a later version', [{ n: 'a', v: 1, bver: 11 }], /bver: expected at most 10, or 26, got 11/],
    [
      'two versions',
      [
        { n: 'a', v: 1, bver: 10 },
        { n: 'a', v: 1, bver: 9 },
      ],
      /bver: expected 10 as before/,
    ],
  ])('refuses %s', (_what, pack, message) => {
    expect(refusalOf(pack)).toThrow(message);
  });

  it('ignores fields of others, and takes secondary units (RFC 8798, RFC 9100)', () => {
    expect(decode([{ n: 'a', v: 5, u: 'km/h', bver: 26, other: {} }])).toEqual([
      { metric: 'a', value: 5, unit: 'km/h' },
    ]);
    expect(decode([{ n: 'a', v: 0, u: 'dBm' }])).toEqual([{ metric: 'a', value: -30, unit: 'dB[W]' }]);
  });

  it('has a unit of UCUM for each of its units', () => {
    const units = createUnits();
    for (const unit of listSenmlUnits())
      expect([unit, units.findFault(toUcum(unit).code)]).toEqual([unit, undefined]);
  });

  // Source: RFC 8798, §3, column «Scale».
  it.each([
    ['ms', 's', 1 / 1000],
    ['min', 's', 60],
    ['h', 's', 3600],
    ['MHz', 'Hz', 1_000_000],
    ['kvar', 'var', 1000],
    ['Ah', 'C', 3600],
    ['Wh', 'J', 3600],
    ['varh', 'vars', 3600],
    ['kVAh', 'VAs', 3_600_000],
    ['Wh/km', 'J/m', 3.6],
    ['KiB', 'B', 1024],
    ['GB', 'B', 1e9],
    ['Mbit/s', 'bit/s', 1_000_000],
    ['mm/h', 'm/s', 1 / 3_600_000],
    ['ug/m3', 'kg/m3', 1e-9],
    ['ppm', '/', 1e-6],
    ['/100', '/', 1 / 100],
    ['/1000', '/', 1 / 1000],
    ['hPa', 'Pa', 100],
    ['km/h', 'm/s', 1 / 3.6],
  ])('%s is %s by the scale of the registry', (secondary, primary, scale) => {
    const converted = createUnits().convert(1, toUcum(secondary).code, toUcum(primary).code) ?? NaN;
    expect(converted / scale).toBeCloseTo(1, 12);
  });
});
