import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { AegisError } from '../../../../kernel/errors/aegis-error.js';
import { checkReadings, type CheckOptions } from '../../../../subgraphs/devices/readings/check-readings.js';
import type { RawReading } from '../../../../subgraphs/devices/codecs/codec.js';
import { jsonCodec } from '../../../../subgraphs/devices/codecs/json-codec.js';

const ARRIVED_AT_MS = Date.UTC(2026, 0, 31, 12);

function options(): CheckOptions {
  let arrivals = 1;
  return {
    metrics: new Map([
      ['temperature', { unit: 'Cel', minimum: -40, maximum: 85 }],
      ['humidity', { unit: '%', minimum: null, maximum: null }],
      ['ts', { unit: 's', minimum: null, maximum: null }],
      ['values', { unit: '1', minimum: null, maximum: null }],
    ]),
    clock: () => ARRIVED_AT_MS * 1_000 + arrivals++,
    arrivedAtUs: ARRIVED_AT_MS * 1_000,
    maxClockAheadSeconds: 300,
  };
}

const decodeRaw = (payload: Uint8Array) =>
  jsonCodec.decode(payload, { arrivedAtUs: ARRIVED_AT_MS * 1_000 }) as RawReading[];

/** Decodes and checks, as ingestion does. */
const take = (payload: Uint8Array, checks = options()) => checkReadings(decodeRaw(payload), checks);

const decode = (payload: unknown) =>
  take(Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)));

function refusalOf(payload: unknown): AegisError {
  try {
    decode(payload);
  } catch (error) {
    if (error instanceof AegisError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('decoding telemetry', () => {
  it('gives values without a time that of their arrival, the same to all of one object', () => {
    const at = ARRIVED_AT_MS * 1_000;
    expect(decode({ temperature: 21.5, humidity: 40 })).toEqual([
      { metric: 'temperature', unit: 'Cel', value: 21.5, measuredAtUs: at },
      { metric: 'humidity', unit: '%', value: 40, measuredAtUs: at },
    ]);
    expect(decode([{ humidity: 1 }, { humidity: 1 }]).map(({ measuredAtUs }) => measuredAtUs)).toEqual([
      at,
      at + 1,
    ]);
  });

  it.each([
    [1_769_860_000_000, 1_769_860_000_000_000],
    [1_769_860_000_000.25, 1_769_860_000_000_250],
    ['2026-01-31T11:46:40Z', 1_769_860_000_000_000],
    ['2026-01-31T13:46:40.1234567+02:00', 1_769_860_000_123_456],
    ['2000-01-01t00:00:00z', Date.UTC(2000, 0, 1) * 1_000],
  ])('reads the time %j', (ts, measuredAtUs) => {
    expect(decode({ ts, values: { humidity: 1 } })).toEqual([
      { metric: 'humidity', unit: '%', value: 1, measuredAtUs },
    ]);
  });

  it('takes metrics that are named as the fields of the timed form', () => {
    expect(decode({ ts: 5, values: 7 }).map(({ metric, value }) => [metric, value])).toEqual([
      ['ts', 5],
      ['values', 7],
    ]);
  });

  it('takes a sequence, qualities and units beside the values', () => {
    const entry = {
      sequence: '9007199254740993',
      quality: { humidity: 'UNCERTAIN' },
      units: { temperature: '[degF]' },
      values: { temperature: 70, humidity: 40 },
    };
    expect(decodeRaw(Buffer.from(JSON.stringify(entry)))).toEqual([
      { metric: 'temperature', value: 70, sequence: 9007199254740993n, unit: '[degF]' },
      { metric: 'humidity', value: 40, sequence: 9007199254740993n, quality: 'UNCERTAIN' },
    ]);
    expect(decodeRaw(Buffer.from('{"quality": "BAD", "sequence": 7, "values": {"humidity": 1}}'))).toEqual([
      { metric: 'humidity', value: 1, sequence: 7n, quality: 'BAD' },
    ]);
  });

  it.each<[string, object, RegExp]>([
    ['a quality that is none', { quality: 'FINE' }, /quality: expected GOOD, .* got "FINE"/],
    [
      'a quality of another metric',
      { quality: { other: 'BAD' } },
      /quality: expected metrics .* got "other"/,
    ],
    ['a word of a metric that is none', { quality: { humidity: 1 } }, /quality: expected GOOD, .* got 1/],
    ['units that are no object', { units: '%' }, /units: expected an object by metric, got "%"/],
    ['a unit that is no text', { units: { humidity: 1 } }, /"humidity": expected a UCUM code, got 1/],
    ['a sequence with a fraction', { sequence: 1.5 }, /sequence: expected a whole number/],
    ['a sequence beyond 2^53 as a number', { sequence: 2 ** 60 }, /as a text/],
  ])('refuses %s', (_what, traits, message) => {
    expect(refusalOf({ ...traits, values: { humidity: 1 } }).message).toMatch(message);
  });

  it('takes values without a time in the timed form', () => {
    expect(decode({ values: { humidity: 1 } })).toHaveLength(1);
  });

  it.each<[string, unknown, RegExp]>([
    ['nothing', '', /empty/],
    ['what is no JSON', 'temperature=21', /expected JSON, got "temperature=21"/],
    ['NaN', '{"humidity": NaN}', /expected JSON/],
    ['Infinity by overflow', '{"humidity": 1e999}', /finite number, got Infinity/],
    ['a string as a value', { humidity: '40' }, /"humidity": expected a finite number, got "40"/],
    ['null as a value', { humidity: null }, /got null/],
    ['a list as a value', { humidity: [1] }, /got a list/],
    ['an object as a value', { humidity: {} }, /got an object/],
    ['a number', '5', /expected an object of metrics and values, got 5/],
    ['a text', '"x"', /got "x"/],
    ['an empty object', {}, /no value/],
    ['an empty list', [], /list is empty/],
    ['an empty timed form', { ts: ARRIVED_AT_MS, values: {} }, /no value/],
    [
      'an undeclared metric',
      { pressure: 1 },
      /"pressure" is not a metric .* declared are temperature, humidity, ts/,
    ],
    ['a metric named by the prototype', '{"__proto__": 1}', /"__proto__" is not a metric/],
    ['other fields in the timed form', { ts: 1, values: { humidity: 1 }, unit: '%' }, /got "unit"/],
    ['a value below the minimum', { temperature: -41 }, /-41 Cel is below the declared minimum of -40 Cel/],
    ['a value above the maximum', { temperature: 86 }, /86 Cel is above the declared maximum of 85 Cel/],
    [
      'a time in 1970',
      { ts: 1_000, values: { humidity: 1 } },
      /after 2000-01-01, got 1970-01-01T00:00:01.000Z/,
    ],
    ['a time next year', { ts: '2027-01-31T12:00:00Z', values: { humidity: 1 } }, /more than 300 s ahead/],
    ['a time without an offset', { ts: '2026-01-31T12:00:00', values: { humidity: 1 } }, /RFC 3339/],
    ['the 30th of February', { ts: '2025-02-30T12:00:00Z', values: { humidity: 1 } }, /RFC 3339/],
    ['a time that is null', { ts: null, values: { humidity: 1 } }, /ts: expected .*, got null/],
    [
      'one bad entry among good ones',
      [{ humidity: 1 }, { humidity: 'x' }],
      /"humidity": expected a finite number, got "x"/,
    ],
    ['a list in a list', [[]], /entry 0: expected an object .* got a list/],
  ])('refuses %s', (_what, payload, message) => {
    const refusal = refusalOf(payload);
    expect(refusal.code).toBe('BAD_USER_INPUT');
    expect(refusal.message).toMatch(message);
  });

  it('accepts a clock that is ahead by just as much as is allowed', () => {
    const ts = ARRIVED_AT_MS + 300_000;
    expect(decode({ ts, values: { humidity: 1 } })).toHaveLength(1);
    expect(refusalOf({ ts: ts + 1, values: { humidity: 1 } }).message).toMatch(/ahead/);
  });

  it('bounds the entries and the values of one message', () => {
    const entry = { humidity: 1 };
    expect(decode(Array.from({ length: 1_000 }, () => entry))).toHaveLength(1_000);
    expect(refusalOf(Array.from({ length: 1_001 }, () => entry)).code).toBe('PAYLOAD_TOO_LARGE');
    const metrics = new Map(
      Array.from({ length: 256 }, (_, i) => [`m${i}`, { unit: '1', minimum: null, maximum: null }]),
    );
    const wide = Object.fromEntries([...metrics.keys()].map((name) => [name, 1]));
    const payload = Buffer.from(JSON.stringify(Array.from({ length: 20 }, () => wide)));
    expect(() => take(payload, { ...options(), metrics })).toThrow(/more than 5000 values/);
  });

  it('never throws anything but a coded refusal, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (payload) => {
          try {
            take(payload);
          } catch (error) {
            expect(error).toBeInstanceOf(AegisError);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('never throws anything but a coded refusal, whatever stands where times and values belong', () => {
    const entry = fc.record(
      {
        ts: fc.anything(),
        values: fc.oneof(
          fc.anything(),
          fc.dictionary(fc.constantFrom('humidity', 'temperature', 'x'), fc.anything()),
        ),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(entry, fc.array(entry)), (value) => {
        const text = toJson(value);
        fc.pre(text !== undefined);
        try {
          for (const reading of take(Buffer.from(text))) {
            expect(Number.isFinite(reading.value)).toBe(true);
            expect(Number.isSafeInteger(reading.measuredAtUs)).toBe(true);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(AegisError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives back every finite value as it was sent', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(decode({ humidity: value })[0]?.value).toBe(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
