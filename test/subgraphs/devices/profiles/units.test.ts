import { describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { createUnits } from '../../../../subgraphs/devices/profiles/units.js';

const units = createUnits();

describe('units', () => {
  // Sources: BIPM, The International System of Units (2019); NIST SP 811, appendix B.8.
  it.each([
    [20, 'Cel', 'K', 293.15],
    [0, 'K', 'Cel', -273.15],
    [20, 'Cel', '[degF]', 68],
    [-40, '[degF]', 'Cel', -40],
    [68, '[degF]', 'Cel', 20],
    [491.67, '[degR]', 'Cel', 0],
    [80, '[degRe]', 'Cel', 100],
    [1, 'm/s', 'km/h', 3.6],
    [1, 'kPa', 'mbar', 10],
    [1, '[psi]', 'Pa', 6894.757293168],
    [5, 'kW.h', 'J', 18e6],
    [60, '/min', 'Hz', 1],
    [1, 'KiBy', 'By', 1024],
    [50, '%', '1', 0.5],
    [1, '[g]', 'm/s2', 9.80665],
    [3, '{log_record}', '1', 3],
    [30, 'dB', '1', 1000],
    [0, 'B[W]', 'W', 1],
  ])('%d %s in %s is %d wherever the one is the other', (value, from, to, expected) => {
    const converted = units.convert(value, from, to) ?? NaN;
    expect(Math.abs(converted - expected)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(expected)));
  });

  it('leaves no rounding in what is even', () => {
    expect(units.convert(20, 'Cel', '[degF]')).toBe(68);
    expect(units.convert(20, 'Cel', 'K')).toBe(293.15);
    expect(units.convert(68, '[degF]', 'Cel')).toBe(20);
    expect(units.convert(10, 'm/s', 'km/h')).toBe(36);
  });

  it.each([
    ['Cel', 'm'],
    ['W', 'dB'],
    ['Cel', 'nonsense'],
    ['toString', 'toString1'],
    ["[arb'U]", '1'],
  ])('finds no way from %s to %s', (from, to) => {
    expect(units.conversion(from, to)).toBeUndefined();
  });

  it('tells by what a variance grows, and nothing for what is no straight line', () => {
    expect(units.conversion('Cel', '[degF]')?.gain).toBe(1.8);
    expect(units.conversion('m', 'mm')?.gain).toBe(1000);
    expect(units.conversion('dB', '1')?.gain).toBeUndefined();
  });

  it.each([
    'Cel',
    '%',
    'By',
    'By/s',
    '1',
    '1/s',
    'ms',
    '{span}',
    'kW',
    'm3/h',
    '(m/s)/h',
    'kW/(m2.K)',
    "[in_i'H2O]",
    'B[SPL]',
    '%[slope]',
    'cal_[15]',
    '10*3/uL',
    'mm[Hg]',
    '/min',
    '%{RH}',
    '[pH]',
    'V.A{reactive}',
    '10*6/L',
  ])('takes %s for a unit', (code) => {
    expect(units.findFault(code)).toBeUndefined();
  });

  it.each([
    ['°C', /did you mean `Cel`/],
    ['degC', /did you mean `Cel`/],
    ['kWh', /did you mean `kW\.h`/],
    ['ppm', /did you mean `\[ppm\]`/],
    ['Cel/s', /did you mean `K\/s`/],
    ['meter', /Did you mean m\?/],
    ['binary', /no such unit/],
    ['m/', /cannot be read/],
    ['a b', /spaces/],
    ['', /got 0 characters/],
    ['m'.repeat(65), /got 65 characters/],
    ['__proto__', /no such unit/],
    ['constructor', /no such unit/],
  ])('refuses %j and says why', (code, fault) => {
    expect(units.findFault(code)).toMatch(fault);
  });

  it('comes back where it began', () => {
    const pair = fc.constantFrom(
      ['Cel', 'K'],
      ['Cel', '[degF]'],
      ['kPa', '[psi]'],
      ['kW.h', 'J'],
      ['deg', 'rad'],
    );
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), pair, (value, [a = '', b = '']) => {
        const back = units.convert(units.convert(value, a, b) ?? NaN, b, a) ?? NaN;
        expect(Math.abs(back - value)).toBeLessThan(1e-6);
      }),
    );
  });

  it('judges any text without a fault of its own, and without a word on the console', () => {
    const parts = [
      'Cel',
      'm',
      '/',
      '.',
      '(',
      ')',
      '{',
      '}',
      '[in_i]',
      '10*',
      '-',
      '2',
      '%',
      'B[W]',
      '{a}',
      "'",
      'k',
    ];
    const likely = fc.array(fc.constantFrom(...parts), { maxLength: 10 }).map((some) => some.join(''));
    const text = fc.oneof(likely, fc.string({ maxLength: 70 }));
    const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    fc.assert(
      fc.property(text, text, (a, b) => {
        units.findFault(a);
        units.conversion(a, b);
      }),
      { numRuns: 2_000 },
    );
    expect(log).not.toHaveBeenCalled();
    log.mockRestore();
  });
});
