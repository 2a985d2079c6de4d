import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RawReading } from '../../../../subgraphs/devices/codecs/codec.js';
import { decodeSparkplug } from '../../../../subgraphs/devices/codecs/sparkplug/decode-sparkplug.js';
import { encodeSparkplug } from '../../../../subgraphs/devices/codecs/sparkplug/encode-sparkplug.js';
import {
  resolveAliases,
  sparkplugCodec,
} from '../../../../subgraphs/devices/codecs/sparkplug/sparkplug-codec.js';
import {
  DATATYPES,
  type SparkplugMetric,
} from '../../../../subgraphs/devices/codecs/sparkplug/sparkplug-payload.js';

const SENT_AT_MS = 1_769_860_000_000;

const decode = (...metrics: readonly SparkplugMetric[]) =>
  sparkplugCodec.decode(encodeSparkplug({ timestampMs: SENT_AT_MS, metrics }), {
    arrivedAtUs: 1,
  }) as RawReading[];

const number = (name: string, value: number, datatype?: number): SparkplugMetric => ({
  ...{ name, datatype },
  value: { kind: 'NUMBER', value },
});

describe('Sparkplug B', () => {
  it('reads a payload octet by octet', () => {
    // As protoc writes it: timestamp 1, a metric a = 21.5 as float (type 9) of time 2 with the alias 3, seq 7.
    const hex = '0801' + '120e0a016110031802200965' + '0000ac41' + '1807';
    expect(decodeSparkplug(Buffer.from(hex, 'hex'))).toEqual({
      timestampMs: 1,
      metrics: [
        { name: 'a', alias: 3n, timestampMs: 2, datatype: 9, value: { kind: 'NUMBER', value: 21.5 } },
      ],
      seq: 7,
    });
  });

  it('gives values their own time, or that of the payload', () => {
    expect(decode({ ...number('a', 1), timestampMs: SENT_AT_MS - 5 }, number('b/c', 2))).toEqual([
      { metric: 'a', value: 1, measuredAtUs: (SENT_AT_MS - 5) * 1_000 },
      { metric: 'b.c', value: 2, measuredAtUs: SENT_AT_MS * 1_000 },
    ]);
  });

  it.each([
    [DATATYPES.Int8, 0xff, -1],
    [DATATYPES.Int8, 0xffff_ffff, -1],
    [DATATYPES.Int16, 0xfffe, -2],
    [DATATYPES.Int32, 0xffff_fff0, -16],
    [DATATYPES.UInt32, 0xffff_fff0, 0xffff_fff0],
    [DATATYPES.UInt8, 0xff, 255],
  ])('reads the sign that a type %i has', (datatype, sent, value) => {
    expect(decode(number('a', sent, datatype))[0]?.value).toBe(value);
  });

  it('reads numbers of 64 bits by their type', () => {
    const long = (datatype: number): SparkplugMetric => ({
      ...{ name: 'a', datatype },
      value: { kind: 'LONG', value: 2n ** 64n - 5n },
    });
    expect(decode(long(DATATYPES.Int64))[0]?.value).toBe(-5);
    expect(decode(long(DATATYPES.UInt64))[0]?.value).toBe(2 ** 64);
  });

  it('reads words, a yes or no, and qualities', () => {
    expect(
      decode(
        { name: 'a', value: { kind: 'BOOLEAN', value: true }, quality: 192 },
        { name: 'b', value: { kind: 'TEXT', value: 'RUN' }, quality: 500 },
        { ...number('c', 1), quality: 0 },
        { ...number('d', 1), quality: 77 },
      ).map(({ value, quality }) => [value, quality]),
    ).toEqual([
      [true, undefined],
      ['RUN', 'STALE'],
      [1, 'BAD'],
      [1, 'UNCERTAIN'],
    ]);
  });

  it('leaves out what is null and what is of the protocol itself', () => {
    const none = { name: 'x', isNull: true };
    expect(decode(none, number('bdSeq', 1), number('Node Control/Rebirth', 0), number('a', 1))).toHaveLength(
      1,
    );
  });

  it('names metrics by the births of their aliases', () => {
    const births = new Map([[7n, { name: 'a', datatype: DATATYPES.Int16 }]]);
    const data = { metrics: [{ alias: 7n, value: { kind: 'NUMBER', value: 0xffff } as const }] };
    const resolved = resolveAliases(data, births);
    const again = sparkplugCodec.decode(encodeSparkplug(resolved), { arrivedAtUs: 1 });
    expect(again).toEqual([{ metric: 'a', value: -1 }]);
    expect(() => resolveAliases(data, new Map())).toThrow(/no birth has given the alias 7/);
    expect(() => sparkplugCodec.decode(encodeSparkplug(data), { arrivedAtUs: 1 })).toThrow(
      /alias 7: expected a name/,
    );
  });

  it('refuses what is no number and no word', () => {
    expect(() => decode({ name: 'a', value: { kind: 'BYTES', value: new Uint8Array(3) } })).toThrow(
      /"a": expected a number/,
    );
    expect(() => decode({ name: 'a' })).toThrow(/"a": expected a number/);
    // A data set (field 17) is skipped.
    const hex = '12080a01618a01020801';
    expect(() => sparkplugCodec.decode(Buffer.from(hex, 'hex'), { arrivedAtUs: 1 })).toThrow(/"a": expected/);
  });

  it('writes what it reads', () => {
    const value = fc.oneof(
      fc.double({ noNaN: true }).map((one) => ({ kind: 'NUMBER' as const, value: one + 0 })),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((one) => ({ kind: 'LONG' as const, value: one })),
      fc.boolean().map((one) => ({ kind: 'BOOLEAN' as const, value: one })),
      fc.string().map((one) => ({ kind: 'TEXT' as const, value: one })),
    );
    const metric = fc.record(
      {
        ...{ name: fc.string(), alias: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), datatype: fc.nat() },
        ...{ timestampMs: fc.nat(), isHistorical: fc.boolean(), isNull: fc.boolean(), quality: fc.nat() },
        value,
      },
      { requiredKeys: [] },
    );
    const payload = fc.record(
      { timestampMs: fc.nat(), seq: fc.nat({ max: 255 }), uuid: fc.uuid(), metrics: fc.array(metric) },
      { requiredKeys: ['metrics'] },
    );
    fc.assert(
      fc.property(payload, (given) => {
        expect(decodeSparkplug(encodeSparkplug(given))).toEqual(given);
      }),
    );
  });
});
