import { describe, expect, it } from '@jest/globals';
import { createUnits } from '../../../subgraphs/devices/profiles/units.js';
import { checkDeviceInput as check, type DeviceInput } from '../../../subgraphs/devices/registration.js';

const units = createUnits();
const checkDeviceInput = (input: DeviceInput) => check(input, units);

const metric = { name: 'temperature', unit: 'Cel' };

describe('checking a device', () => {
  it.each(['a', 'host', '9', 'A.b-c_d', 'x'.repeat(63)])('accepts the name %s', (name) => {
    expect(checkDeviceInput({ name, metrics: [metric] })).toEqual([]);
  });

  it.each(['', '.a', '-a', '_a', 'a b', 'a/b', 'a+', 'a#', 'ä', 'x'.repeat(64), `dev_${'0'.repeat(32)}`])(
    'refuses the name %j',
    (name) => {
      expect(checkDeviceInput({ name })).toMatchObject([{ code: 'BAD_USER_INPUT', path: ['name'] }]);
    },
  );

  it.each(['Cel', '1', '%', 'By/s', '[degF]', 'm/s2', '{sensors}'])('accepts the unit %s', (unit) => {
    expect(checkDeviceInput({ metrics: [{ ...metric, unit }] })).toEqual([]);
  });

  it.each(['', ' ', 'a b', '°C', 'a\u0000', 'x'.repeat(64), 'm'.repeat(65), 'degC'])(
    'refuses the unit %j',
    (unit) => {
      expect(checkDeviceInput({ metrics: [{ ...metric, unit }] })).toMatchObject([
        { path: ['metrics', '0', 'unit'] },
      ]);
    },
  );

  it('bounds the number of metrics', () => {
    const metrics = (length: number) =>
      Array.from({ length }, (_, index) => ({ name: `m${index}`, unit: '1' }));
    expect(checkDeviceInput({ metrics: metrics(256) })).toEqual([]);
    expect(checkDeviceInput({ metrics: metrics(257) })).toMatchObject([{ path: ['metrics'] }]);
  });

  it('tells everything that is wrong at once, each with its place', () => {
    const errors = checkDeviceInput({
      name: 'no spaces',
      description: 'x'.repeat(1_001),
      metrics: [
        metric,
        { ...metric, name: '1st', unit: '' },
        metric,
        { name: 'ph', unit: '1', minimum: 2, maximum: 1 },
      ],
    });
    expect(errors.map(({ path }) => path.join('.'))).toEqual([
      'name',
      'description',
      'metrics.1.name',
      'metrics.1.unit',
      'metrics.2.name',
      'metrics.3.minimum',
    ]);
  });
});
