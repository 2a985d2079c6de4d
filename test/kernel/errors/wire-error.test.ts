import { describe, expect, it } from '@jest/globals';
import { buildSchema, execute, GraphQLError, parse, validate } from 'graphql';
import { AegisError } from '../../../kernel/errors/aegis-error.js';
import { ERROR_CODES, isErrorCode, type ErrorCode } from '../../../kernel/errors/codes.js';
import { toWireError } from '../../../kernel/errors/wire-error.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';

function toWire(error: unknown) {
  const masked: unknown[] = [];
  const wire = toWireError(error, { traceId: TRACE, onMasked: (one) => masked.push(one) });
  return { wire, masked };
}

/** What graphql-js makes of an error that a resolver throws. */
function throwInResolver(error: unknown): GraphQLError {
  const result = execute({
    schema: buildSchema('type Query { field(size: Int): String! }'),
    document: parse('{ field }'),
    rootValue: {
      field() {
        throw error;
      },
    },
  });
  if (!('errors' in result) || !result.errors[0]) throw new Error('expected an error');
  return result.errors[0];
}

describe('an error raised on purpose', () => {
  it.each(Object.keys(ERROR_CODES).filter((code) => code !== 'INTERNAL_SERVER_ERROR') as ErrorCode[])(
    'keeps its message and its code: %s',
    (code) => {
      const { wire, masked } = toWire(throwInResolver(new AegisError(code, 'expected this, got that.')));
      expect(wire).toEqual({
        message: 'expected this, got that.',
        path: ['field'],
        locations: [{ line: 1, column: 3 }],
        extensions: { code, retryable: ERROR_CODES[code].retryable, traceId: TRACE },
      });
      expect(masked).toEqual([]);
    },
  );

  it('keeps its details, which cannot stand in for its code', () => {
    const error = new AegisError('RATE_LIMITED', 'slower.', {
      retryAfterMs: 250,
      details: { limit: 10, code: 'OK', retryable: 'no' },
    });
    expect(toWire(error).wire.extensions).toEqual({
      code: 'RATE_LIMITED',
      retryable: true,
      retryAfterMs: 250,
      limit: 10,
      traceId: TRACE,
    });
  });

  it('shows nothing of its cause', () => {
    const error = new AegisError('UPSTREAM_FAILED', 'it failed.', { cause: new Error('swordfish') });
    expect(JSON.stringify(toWire(throwInResolver(error)).wire)).not.toMatch('swordfish');
  });
});

describe('an error that nobody foresaw', () => {
  const secret = 'password=swordfish';
  it.each([
    ['an Error', new Error(secret)],
    ['an Error in a resolver', throwInResolver(new Error(secret))],
    ['a rejected text', secret],
    ['a text in a resolver', throwInResolver(secret)],
    ['an object', { toString: () => secret }],
    ['undefined', undefined],
    [
      'an error of the database',
      throwInResolver(Object.assign(new Error(secret), { code: 'P2002', meta: { secret } })),
    ],
    [
      'an error with a code that is none of ours',
      throwInResolver(new GraphQLError(secret, { extensions: { code: 'SECRET', secret } })),
    ],
    ['a stream that broke', new GraphQLError(secret, { originalError: new Error(secret) })],
    [
      'an internal error on purpose',
      new AegisError('INTERNAL_SERVER_ERROR', secret, { details: { secret } }),
    ],
    [
      'an internal error of a remote',
      new GraphQLError(secret, { extensions: { code: 'INTERNAL_SERVER_ERROR', stacktrace: [secret] } }),
    ],
  ])('becomes a trace id and nothing more, and is told to the log: %s', (_what, error) => {
    const { wire, masked } = toWire(error);
    expect(wire.message).toMatch(TRACE);
    expect(wire.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR', retryable: false, traceId: TRACE });
    expect(JSON.stringify(wire)).not.toMatch('swordfish');
    expect(masked).toEqual([error]);
  });
});

describe('an error of the request itself', () => {
  const schema = buildSchema('type Query { field(size: Int!): String! }  enum Colour { RED }');

  it('keeps what graphql-js says of a document', () => {
    const [error] = validate(schema, parse('{ nothing }'));
    expect(toWire(error).wire).toMatchObject({
      message: 'Cannot query field "nothing" on type "Query".',
      locations: [{ line: 1, column: 3 }],
      extensions: { code: 'BAD_USER_INPUT', retryable: false, traceId: TRACE },
    });
  });

  it('keeps what graphql-js says of a variable, although it nests that', () => {
    const result = execute({
      schema,
      document: parse('query($size: Int!) { field(size: $size) }'),
      variableValues: { size: 'many' },
    });
    const errors = 'errors' in result ? (result.errors ?? []) : [];
    expect(errors).toHaveLength(1);
    expect(toWire(errors[0])).toMatchObject({
      wire: {
        message: expect.stringContaining('Int cannot represent non-integer value: "many"'),
        extensions: { code: 'BAD_USER_INPUT' },
      },
      masked: [],
    });
  });

  it('keeps the codes that clients of GraphQL servers know, without what is for the server', () => {
    const error = new GraphQLError('PersistedQueryNotFound', {
      extensions: { code: 'PERSISTED_QUERY_NOT_FOUND', http: { status: 200 }, stacktrace: ['at …'] },
    });
    expect(toWire(error).wire.extensions).toEqual({
      code: 'PERSISTED_QUERY_NOT_FOUND',
      retryable: false,
      traceId: TRACE,
    });
  });

  it('is not what a resolver could not answer', () => {
    const result = execute({
      schema,
      document: parse('{ field(size: 1) }'),
      rootValue: { field: () => null },
    });
    const errors = 'errors' in result ? (result.errors ?? []) : [];
    expect(toWire(errors[0]).wire).toMatchObject({
      path: ['field'],
      extensions: { code: 'INTERNAL_SERVER_ERROR' },
    });
  });
});

describe('the table of codes', () => {
  it('knows its own, and nothing that merely has the name of a property', () => {
    expect(isErrorCode('NOT_FOUND')).toBe(true);
    for (const other of ['toString', 'not_found', 5, undefined]) expect(isErrorCode(other)).toBe(false);
  });
});
