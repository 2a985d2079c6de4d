import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  readGattValue,
  writeGattValue,
  type GattField,
  type GattFormat,
} from '../../../../../subgraphs/devices/protocols/bluetooth/gatt-value.js';

const field = (format: GattFormat, more: Partial<GattField> = {}): GattField => ({
  ...{ format, offset: 0, bitOffset: 0, scale: 1, bigEndian: false },
  ...more,
});
const read = (hex: string, format: GattFormat, more: Partial<GattField> = {}) =>
  readGattValue(Buffer.from(hex, 'hex'), field(format, more));

describe('a value of a characteristic', () => {
  // The two medical ones: IEEE 11073-20601, and the examples of the Thermometer profile (36.4 °C) and others.
  it.each([
    ['01', 'boolean', {}, true],
    ['fe', 'sint8', {}, -2],
    ['6608', 'sint16', { scale: 0.01 }, 21.5],
    ['0866', 'sint16', { scale: 0.01, bigEndian: true }, 21.5],
    ['ffffff', 'uint24', {}, 16_777_215],
    ['ffffff', 'sint24', {}, -1],
    ['00010000000000', 'uint48', { offset: 1 }, 1],
    ['ffffffffffffff7f', 'sint64', {}, 2 ** 63],
    ['16', 'uint8', { bitOffset: 1, bits: 2 }, 3],
    ['0000c03f', 'float32', {}, 1.5],
    ['000000000000f83f', 'float64', {}, 1.5],
    ['6cf1', 'sfloat', {}, 36.4],
    ['6c0100ff', 'float', {}, 36.4],
    ['f0ff', 'sfloat', {}, -1.6],
    ['ff07', 'sfloat', {}, undefined],
    ['ffff7f00', 'float', {}, undefined],
    ['ffff', 'uint16', { unknown: 0xffff }, undefined],
    ['0000c07f', 'float32', {}, undefined],
    ['4f4b0000', 'utf8', {}, 'OK'],
  ] as const)('reads %s as %s', (hex, format, more, expected) => {
    expect(read(hex, format, more)).toBe(expected);
  });

  it('refuses bytes that are too few', () => {
    expect(() => read('00', 'uint16')).toThrow('expected 2 bytes for uint16, got 1');
  });

  it.each([
    [300, 'uint16', '2c01'],
    [-1, 'sint24', 'ffffff'],
    [true, 'boolean', '01'],
    [36.4, 'sfloat', '6cf1'],
    ['OK', 'utf8', '4f4b'],
  ] as const)('writes %s as %s', (value, format, hex) => {
    expect(writeGattValue(value, field(format)).toString('hex')).toBe(hex);
  });

  it.each([
    [256, 'uint8'],
    [-129, 'sint8'],
    [Number.NaN, 'float32'],
    ['text', 'uint8'],
    [1e12, 'sfloat'],
  ] as const)('does not write %s as %s', (value, format) => {
    expect(() => writeGattValue(value, field(format))).toThrow('expected a value that fits');
  });

  it('reads what it has written', () => {
    const integers = [
      ...(['uint8', 'uint16', 'uint24', 'uint32', 'uint48'] as const).map((format) => [format, 0] as const),
      ...(['sint8', 'sint16', 'sint24', 'sint32', 'sint48'] as const).map((format) => [format, 1] as const),
    ];
    fc.assert(
      fc.property(fc.constantFrom(...integers), fc.double({ min: 0, max: 1, noNaN: true }), (of, part) => {
        const [format, signed] = of;
        const bits = Number(/\d+/.exec(format)?.[0]);
        const lowest = signed === 1 ? -(2 ** (bits - 1)) : 0;
        const value = Math.floor(lowest + part * (2 ** bits - 1));
        expect(readGattValue(writeGattValue(value, field(format)), field(format))).toBe(value);
      }),
    );
  });

  it('keeps three digits of a medical number in 16 bits', () => {
    fc.assert(
      fc.property(fc.double({ min: -1_000_000, max: 1_000_000, noNaN: true }), (value) => {
        const again = Number(
          readGattValue(writeGattValue(value, field('sfloat')), field('sfloat')) ?? Number.NaN,
        );
        expect(Math.abs(again - value)).toBeLessThanOrEqual(Math.max(0.0005, Math.abs(value) * 0.005));
      }),
    );
  });
});
