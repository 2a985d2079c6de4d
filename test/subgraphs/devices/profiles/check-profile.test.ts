import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findExpressionFault } from '../../../../subgraphs/devices/codecs/jsonata/find-expression-fault.js';
import { createProfileCheck } from '../../../../subgraphs/devices/profiles/check-profile.js';
import { createUnits } from '../../../../subgraphs/devices/profiles/units.js';

const check = createProfileCheck({ units: createUnits(), findExpressionFault });

const PROFILE = { name: 'tank', title: 'Tank', properties: [{ name: 'level', unit: '%' }] };

function errorsOf(change: object): string[] {
  const checked = check({ ...PROFILE, ...change });
  return 'errors' in checked
    ? checked.errors.map(({ path, message }) => `${path.join('.')}: ${message}`)
    : [];
}

describe('checking a profile', () => {
  it('fills in what is left out', () => {
    expect(check(PROFILE)).toEqual({
      definition: {
        ...{ name: 'tank', title: 'Tank', description: null, actions: [], events: [] },
        properties: [
          {
            ...{ name: 'level', description: null, type: 'NUMBER', unit: '%', states: [], writable: false },
            ...{ minimum: null, maximum: null, resolution: null },
            calibration: { gain: 1, offset: 0 },
          },
        ],
        codec: { kind: 'JSON' },
        ...{ fusion: {}, alarms: [], retentionHours: null, bluetooth: null, coap: null },
      },
    });
  });

  it.each<[string, object, RegExp]>([
    ['a name that is none', { name: 'Tank 1' }, /^name: Expected 1 to 63 lower-case/],
    ['no properties', { properties: [] }, /^properties: /],
    [
      'a unit that is none',
      { properties: [{ name: 'a', unit: '°C' }] },
      /^properties\.0\.unit: .*did you mean `Cel`\?$/,
    ],
    [
      'a property twice',
      { properties: [{ name: 'a' }, { name: 'a' }] },
      /^properties\.1\.name: Expected each name once/,
    ],
    [
      'bounds the wrong way round',
      { properties: [{ name: 'a', minimum: 2, maximum: 1 }] },
      /^properties\.0\.minimum/,
    ],
    ['a resolution of 0', { properties: [{ name: 'a', resolution: 0 }] }, /^properties\.0\.resolution/],
    [
      'a gain of 0',
      { properties: [{ name: 'a', calibration: { gain: 0 } }] },
      /^properties\.0\.calibration\.gain/,
    ],
    [
      'a state without names',
      { properties: [{ name: 'a', type: 'STATE' }] },
      /^properties\.0\.states: Expected 2 to 64/,
    ],
    [
      'a state with one name twice',
      { properties: [{ name: 'a', type: 'STATE', states: ['x', 'x'] }] },
      /"x" again/,
    ],
    ['a number with states', { properties: [{ name: 'a', states: ['x', 'y'] }] }, /only a STATE has them/],
    [
      'a state with a unit',
      { properties: [{ name: 'a', type: 'BOOLEAN', unit: 'm' }] },
      /the unit of a BOOLEAN/,
    ],
    [
      'a calibrated state',
      { properties: [{ name: 'a', type: 'BOOLEAN', calibration: { gain: 2 } }] },
      /^properties\.0\.calibration: Expected no calibration/,
    ],
    [
      'an input that is no schema',
      { actions: [{ name: 'a', input: { type: 'nothing' } }] },
      /^actions\.0\.input: Expected a JSON Schema/,
    ],
    [
      'a reference that leads nowhere',
      { events: [{ name: 'a', data: { $ref: '#/missing' } }] },
      /^events\.0\.data/,
    ],
    [
      'an action that lasts forever',
      { actions: [{ name: 'a', timeoutSeconds: 1e9 }] },
      /^actions\.0\.timeoutSeconds/,
    ],
    [
      'a mapping without an expression',
      { codec: { kind: 'JSONATA' } },
      /^codec\.expression: Expected an expression/,
    ],
    [
      'an expression that cannot be read',
      { codec: { kind: 'JSONATA', expression: '{' } },
      /^codec\.expression: Expected an expression of JSONata: /,
    ],
    ['an expression of JSON', { codec: { kind: 'JSON', expression: 'a' } }, /A codec JSON has none/],
    [
      'a plain number of a property that is none',
      { codec: { kind: 'PLAIN_NUMBER', property: 'x' } },
      /^codec\.property: /,
    ],
    [
      'a plain number of one of several',
      { properties: [{ name: 'a' }, { name: 'b' }], codec: { kind: 'PLAIN_NUMBER' } },
      /^codec\.property: .*as there are several/,
    ],
    [
      'a fusion of a property that is none',
      { fusion: { x: {} } },
      /^fusion: Expected names of properties, got "x"/,
    ],
    [
      'a fusion by no method',
      { fusion: { level: { method: 'GUESS' } } },
      /^fusion\.level: method: expected one of/,
    ],
    [
      'a fusion with a field that there is not',
      { fusion: { level: { color: 1 } } },
      /^fusion\.level: Expected fields of FuseReadingsConfig/,
    ],
    [
      'a fusion out of its bounds',
      { fusion: { level: { outlierThreshold: 0 } } },
      /^fusion\.level: config\.outlierThreshold/,
    ],
    ['an alarm that is none', { alarms: [{ name: 'a' }] }, /^alarms\.0\.severity: /],
    [
      'an alarm of a property that is none',
      { alarms: [{ name: 'a', severity: 'MINOR', condition: { threshold: { metric: 'x', above: 1 } } }] },
      /^alarms\.0\.condition: Expected properties of the profile, got "x"/,
    ],
    [
      'resources of CoAP that are none',
      { coap: { resources: [] } },
      /^coap: Expected what the protocol can use/,
    ],
    ['characteristics that are none', { bluetooth: { characteristics: [{}] } }, /^bluetooth: Expected what/],
    ['a retention of nothing', { retentionHours: 0 }, /^retentionHours/],
    ['a field that there is not', { colour: 'red' }, /colour/],
    ['a text with NUL', { title: 'a\u0000' }, /NUL/],
    ['more than it may hold', { bluetooth: { text: 'x'.repeat(300_000) } }, /at most 262144 characters/],
  ])('refuses %s', (_what, change, message) => {
    expect(errorsOf(change).join('\n')).toMatch(message);
  });

  it('takes a plain number without a name where there is but one', () => {
    expect(errorsOf({ codec: { kind: 'PLAIN_NUMBER' } })).toEqual([]);
  });

  it('judges any document without a fault of its own', () => {
    const property = fc.record(
      {
        name: fc.constantFrom('a', 'b'),
        type: fc.anything(),
        unit: fc.anything(),
        states: fc.anything(),
        minimum: fc.anything(),
      },
      { requiredKeys: ['name'] },
    );
    const document = fc.record(
      {
        ...{ name: fc.constant('a'), title: fc.constant('a'), properties: fc.array(property) },
        ...{ actions: fc.anything(), codec: fc.anything(), fusion: fc.anything(), alarms: fc.anything() },
      },
      { requiredKeys: ['name', 'title', 'properties'] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.anything(), document), (given) => {
        const checked = check(given);
        if ('errors' in checked) expect(checked.errors.length).toBeGreaterThan(0);
      }),
      { numRuns: 300 },
    );
  });
});
