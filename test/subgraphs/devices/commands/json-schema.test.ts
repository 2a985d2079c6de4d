import { describe, expect, it } from '@jest/globals';
import { createSchemaChecker, MAX_PROBLEMS } from '../../../../subgraphs/devices/commands/json-schema.js';

describe('the check of a JSON Schema', () => {
  it('tells every problem with its path, also of what is missing and of what is too much', () => {
    const schema = {
      type: 'object',
      properties: {
        'a/b': { type: 'array', items: { type: 'integer' } },
        at: { type: 'string', format: 'date-time' },
      },
      required: ['needed'],
      additionalProperties: false,
    };
    const problems = createSchemaChecker().check(schema, { 'a/b': [1, 'x'], at: 'noon', more: 1 });
    expect(problems.map(({ path }) => path.join('|')).sort()).toEqual(['a/b|1', 'at', 'more', 'needed']);
  });

  it('is that of draft 2020-12', () => {
    const schema = { type: 'array', prefixItems: [{ type: 'string' }], items: false };
    expect(createSchemaChecker().check(schema, ['a'])).toEqual([]);
    expect(createSchemaChecker().check(schema, ['a', 'b'])).toHaveLength(1);
  });

  it('finds nothing right by a schema that is none, and goes nowhere for a reference', () => {
    const schemas = createSchemaChecker();
    expect(schemas.check({ type: 'colour' }, 1)[0]?.message).toMatch(/no JSON Schema/);
    expect(schemas.check({ $ref: 'https://example.org/schema' }, 1)[0]?.message).toMatch(/no JSON Schema/);
  });

  it('takes the same name in several schemas, one after the other', () => {
    const schemas = createSchemaChecker();
    expect(schemas.check({ $id: 'https://example.org/one', type: 'string' }, 1)).toHaveLength(1);
    expect(schemas.check({ $id: 'https://example.org/one', type: 'integer' }, 1)).toEqual([]);
    expect(schemas.check({ $id: 'https://example.org/one', type: 'string' }, 1)).toHaveLength(1);
  });

  it('tells a bounded number of problems', () => {
    const schema = { type: 'array', items: { type: 'string' } };
    expect(
      createSchemaChecker().check(
        schema,
        Array.from({ length: 50 }, () => 1),
      ),
    ).toHaveLength(MAX_PROBLEMS);
  });
});
