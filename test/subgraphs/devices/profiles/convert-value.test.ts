import { describe, expect, it } from '@jest/globals';
import type { RawReading } from '../../../../subgraphs/devices/codecs/codec.js';
import { createValueConversion } from '../../../../subgraphs/devices/profiles/convert-value.js';
import { createUnits } from '../../../../subgraphs/devices/profiles/units.js';
import type { KnownMetric } from '../../../../subgraphs/devices/readings/known-devices.js';

const convert = createValueConversion(createUnits());

const take = (raw: Partial<RawReading>, metric: Partial<KnownMetric> = {}) =>
  convert({ metric: 'a', value: 1, ...raw }, { unit: 'Cel', minimum: null, maximum: null, ...metric });

describe('converting a value to its metric', () => {
  it('takes a number as it is, unless it is calibrated', () => {
    expect(take({ value: 21.5 })).toBe(21.5);
    expect(take({ value: -0 })).toBe(-0);
    expect(take({ value: 21.5 }, { calibration: { gain: 1, offset: 0 } })).toBe(21.5);
    expect(take({ value: 20 }, { calibration: { gain: 2, offset: -0.5 } })).toBe(39.5);
  });

  it('converts first and calibrates then', () => {
    expect(take({ value: 68, unit: '[degF]' })).toBe(20);
    expect(take({ value: 68, unit: '[degF]' }, { calibration: { gain: 1, offset: 0.5 } })).toBe(20.5);
    expect(take({ value: 20, unit: 'Cel' })).toBe(20);
    expect(() => take({ unit: 'm' })).toThrow(
      /"a": expected Cel, or a UCUM unit that converts to it, got "m"/,
    );
  });

  it.each([
    [true, 1],
    [false, 0],
    [1, 1],
    ['ON', 1],
    [' off ', 0],
    ['true', 1],
    ['No', 0],
  ])('takes %j for a yes or no', (value, number) => {
    expect(take({ value }, { type: 'BOOLEAN', unit: '1' })).toBe(number);
  });

  it.each([2, -1, 0.5, 'maybe', ''])('takes %j for neither', (value) => {
    expect(() => take({ value }, { type: 'BOOLEAN', unit: '1' })).toThrow(/expected true or false/);
  });

  it.each([
    ['RUNNING', 1],
    ['running', 1],
    [2, 2],
    ['0', 0],
    [true, 1],
  ])('takes %j for a state', (value, number) => {
    expect(take({ value }, { type: 'STATE', unit: '1', states: ['IDLE', 'RUNNING', 'FAULT'] })).toBe(number);
  });

  it.each(['STOPPED', 3, -1, 0.5, '', '__proto__'])('takes %j for none', (value) => {
    const states = ['IDLE', 'RUNNING', 'FAULT'];
    expect(() => take({ value }, { type: 'STATE', unit: '1', states })).toThrow(
      /expected one of the states IDLE, RUNNING, FAULT/,
    );
  });

  it('takes whole numbers alone where the metric is one', () => {
    const metric = { type: 'INTEGER', unit: 'mm' } as const;
    expect(take({ value: 3 }, metric)).toBe(3);
    expect(take({ value: 0.3, unit: 'cm' }, metric)).toBe(3);
    expect(() => take({ value: 3.5 }, metric)).toThrow(/expected a whole number, got 3\.5/);
  });

  it.each([NaN, Infinity, '21', true])('refuses %j for a number', (value) => {
    expect(() => take({ value })).toThrow(/"a": expected a finite number/);
  });

  it('refuses what leaves the doubles on the way', () => {
    expect(() => take({ value: 1e300 }, { calibration: { gain: 1e300, offset: 0 } })).toThrow(
      /finite after its conversion/,
    );
  });
});
