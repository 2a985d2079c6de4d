import { describe, expect, it } from '@jest/globals';
import { Kind } from 'graphql';
import { parseInstant, scalarResolvers } from '../../../kernel/graphql/scalars.js';

const { DateTime } = scalarResolvers;

describe('DateTime', () => {
  it.each([
    ['2026-01-31T12:00:00Z', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T12:00:00.5+02:00', '2026-01-31T10:00:00.500Z'],
    ['2024-02-29T23:59:59.123456789-00:30', '2024-03-01T00:29:59.123Z'],
  ])('reads %s', (text, expected) => {
    expect(parseInstant(text).toISOString()).toBe(expected);
    expect(DateTime.parseValue(text)).toEqual(new Date(expected));
    expect(DateTime.parseLiteral({ kind: Kind.STRING, value: text })).toEqual(new Date(expected));
  });

  it.each([
    '',
    'now',
    '2026-01-31',
    '2026-01-31T12:00:00',
    '2026-02-30T12:00:00Z',
    '2025-02-29T12:00:00Z',
    '2026-13-01T12:00:00Z',
    '2026-01-31T24:00:00Z',
    '2026-01-31T12:60:00Z',
    '2026-01-31T12:00:00+25:00',
    1_769_860_800_000,
    null,
    {},
  ])('refuses %j with a code', (value) => {
    expect(() => parseInstant(value)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT' }));
  });

  it('shows no more than the beginning of what it refuses', () => {
    expect(() => parseInstant('x'.repeat(10_000))).toThrow(/^.{0,200}$/);
  });

  it('refuses a literal that is no text', () => {
    expect(() => DateTime.parseLiteral({ kind: Kind.INT, value: '5' })).toThrow(/RFC 3339/);
  });

  it('writes UTC with milliseconds', () => {
    expect(DateTime.serialize(new Date(0))).toBe('1970-01-01T00:00:00.000Z');
    expect(DateTime.serialize('2026-01-31T12:00:00+01:00')).toBe('2026-01-31T11:00:00.000Z');
  });

  it('takes what a resolver gives wrongly for the fault of the server, not of the caller', () => {
    expect(() => DateTime.serialize('yesterday')).toThrow(TypeError);
    expect(() => DateTime.serialize(new Date(Number.NaN))).toThrow(RangeError);
  });
});
