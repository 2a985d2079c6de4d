import { describe, expect, it } from '@jest/globals';
import { buildSchema, getOperationAST, parse, validate } from 'graphql';
import { describeVariables } from '../../../../gateway/ingress/mcp/variables-schema.js';

const SCHEMA = buildSchema(`
  "An instant, such as 2026-01-01T00:00:00Z."
  scalar DateTime @specifiedBy(url: "https://scalars.example/date-time")
  "How warm."
  enum Warmth { "Below 10 degrees." COLD WARM }
  "What to look for."
  input Filter {
    "The least price."
    least: Float! = 1.5
    name: String!
    warmth: [Warmth!]
    or: [Filter!]
    old: Int @deprecated(reason: "gone")
  }
  input Key @oneOf { id: ID name: String }
  type Query {
    find("Which ones." filter: Filter, key: Key, "How many." first: Int, after: DateTime): Int
  }
`);

function describeOf(text: string) {
  const document = parse(text);
  expect(validate(SCHEMA, document)).toEqual([]);
  const operation = getOperationAST(document);
  if (!operation) throw new Error('no operation');
  return describeVariables(SCHEMA, document, operation);
}

describe('the JSON Schema of variables', () => {
  it('tells what is required, what may be null, and what it is otherwise', () => {
    expect(
      describeOf(
        'query ($first: Int! = 5, $filter: Filter!, $after: DateTime) { find(first: $first, filter: $filter, after: $after) }',
      ),
    ).toMatchObject({
      type: 'object',
      properties: {
        first: {
          type: 'integer',
          minimum: -2_147_483_648,
          maximum: 2_147_483_647,
          default: 5,
          description: 'How many.',
        },
        filter: { $ref: '#/$defs/Filter', description: 'Which ones.' },
        after: {
          description:
            'DateTime: An instant, such as 2026-01-01T00:00:00Z. Specified by https://scalars.example/date-time.',
        },
      },
      required: ['filter'],
      additionalProperties: false,
    });
  });

  it('writes input objects once, those that contain themselves, too, and enums with what their values mean', () => {
    expect(describeOf('query ($filter: Filter) { find(filter: $filter) }')).toMatchObject({
      properties: { filter: { anyOf: [{ $ref: '#/$defs/Filter' }, { type: 'null' }] } },
      $defs: {
        Filter: {
          type: 'object',
          description: 'What to look for.',
          properties: {
            least: { type: 'number', default: 1.5, description: 'The least price.' },
            warmth: { type: ['array', 'null'], items: { $ref: '#/$defs/Warmth' } },
            or: { type: ['array', 'null'], items: { $ref: '#/$defs/Filter' } },
            old: { deprecated: true },
          },
          required: ['name'],
          additionalProperties: false,
        },
        Warmth: { type: 'string', enum: ['COLD', 'WARM'], description: 'How warm.\nCOLD: Below 10 degrees.' },
      },
    });
  });

  it('takes exactly one field of an object of which there is to be one', () => {
    expect(describeOf('query ($key: Key) { find(key: $key) }')).toMatchObject({
      $defs: { Key: { minProperties: 1, maxProperties: 1 } },
    });
  });

  it('takes the description of the place where a variable is used, within objects and lists, unless it has its own', () => {
    const { properties } = describeOf(`query ($least: Float!, $in: Float!, "Mine." $first: Int) {
      find(first: $first, filter: { name: "a", least: $least, or: [{ name: "b", least: $in }] })
    }`);
    expect(properties).toMatchObject({
      least: { description: 'The least price.' },
      in: { description: 'The least price.' },
      first: { description: 'Mine.' },
    });
  });

  it('has nothing to take where there are no variables', () => {
    expect(describeOf('{ find }')).toEqual({ type: 'object', properties: {}, additionalProperties: false });
  });
});
