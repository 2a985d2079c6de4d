import { describe, expect, it } from '@jest/globals';
import { buildSchema } from 'graphql';
import type { Generation } from '../../../../gateway/generation.js';
import { createSchemaSearch } from '../../../../gateway/ingress/mcp/schema-search.js';

const GENERATION = {
  snapshot: {
    apiSchema: buildSchema(`
      type Query {
        "Readings of one device, the newest first."
        deviceReadings(deviceId: ID!, "The oldest that counts." since: String): [Reading!]!
        alarms: [Alarm!]! @deprecated(reason: "use events")
      }
      "What a sensor has measured."
      type Reading { value: Float, quality: Quality }
      type Alarm { raisedBy: Reading }
      enum Quality { GOOD BAD_SENSOR_FAILURE }
      input ReadingFilter { minimumValue: Float }
    `),
  },
} as unknown as Generation;

const search = createSchemaSearch();
const find = async (query: string, first = 10) =>
  (await search(GENERATION, query, first)).entries.map(({ coordinate }) => coordinate);

describe('the search over the schema', () => {
  it.each([
    ['words of a name', 'device readings', 'Query.deviceReadings'],
    ['a whole name', 'deviceReadings', 'Query.deviceReadings'],
    ['a word of a description', 'newest', 'Query.deviceReadings'],
    ['the description of a type', 'measured', 'Reading'],
    ['the name of an argument', 'since', 'Query.deviceReadings'],
    ['what is said of an argument', 'oldest', 'Query.deviceReadings'],
    ['the beginning of a word', 'qual', 'Quality'],
    ['a word with a typing mistake', 'raedings', 'Query.deviceReadings'],
    ['a word of an enum value', 'failure', 'Quality.BAD_SENSOR_FAILURE'],
    ['a word of an input field', 'minimum', 'ReadingFilter.minimumValue'],
  ])('finds by %s', async (_what, query, expected) => {
    expect(await find(query)).toContain(expected);
  });

  it('gives what bears the name before what only has to do with it', async () => {
    const found = await find('alarm');
    expect(found[0]).toBe('Alarm');
    expect(found).toContain('Alarm.raisedBy');
  });

  it('gives as many as are asked for, and tells how many there are', async () => {
    const { entries, total } = await search(GENERATION, 'reading', 2);
    expect([entries.length, total > 2]).toEqual([2, true]);
  });

  it('tells of a field what it takes and gives, and whether it should be used', async () => {
    const { entries } = await search(GENERATION, 'device readings alarms', 20);
    const byCoordinate = new Map(entries.map((entry) => [entry.coordinate, entry]));
    expect(byCoordinate.get('Query.deviceReadings')).toMatchObject({
      kind: 'field',
      definition: 'deviceReadings(deviceId: ID!, since: String): [Reading!]!',
      arguments: { since: 'The oldest that counts.' },
    });
    expect(byCoordinate.get('Query.alarms')).toMatchObject({ deprecated: 'use events' });
  });

  it('knows nothing of introspection, and finds nothing in words that are everywhere', async () => {
    expect(await find('__Directive locations')).toEqual([]);
    expect(await find('the of a')).toEqual([]);
  });
});
