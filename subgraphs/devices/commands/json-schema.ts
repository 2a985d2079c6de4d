import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { LRUCache } from 'lru-cache';
import type { JsonSchema } from '../profiles/profile.js';

/** Where a value does not fit its schema. */
export interface SchemaProblem {
  /** From the outside in, such as `["steps", "0", "level"]`; empty for the value itself. */
  readonly path: string[];
  /** What is wrong there, such as `must be >= 0`. */
  readonly message: string;
}

/** Checks values against the JSON Schemas of profiles. */
export interface SchemaChecker {
  /**
   * What is wrong with a value, at most {@link MAX_PROBLEMS} problems; empty when it fits. A schema that is none fits
   * nothing, and says so.
   */
  check(schema: JsonSchema, value: unknown): SchemaProblem[];
}

/** The most problems that are told of one value. */
export const MAX_PROBLEMS = 10;

/** How many compiled schemas are kept, the most recently used. */
const CAPACITY = 500;

/**
 * Makes the checker.
 *
 * Source: JSON Schema, draft 2020-12. Unknown keywords are ignored; formats are checked; a `$ref` leads nowhere but into
 * the schema itself.
 */
export function createSchemaChecker(): SchemaChecker {
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false });
  formats.default(ajv);
  const compiled = new LRUCache<string, ValidateFunction | Error>({ max: CAPACITY });

  function compile(schema: JsonSchema): ValidateFunction | Error {
    const key = JSON.stringify(schema);
    const known = compiled.get(key);
    if (known) return known;
    const made = tryCompile(schema);
    compiled.set(key, made);
    return made;
  }

  function tryCompile(schema: JsonSchema): ValidateFunction | Error {
    try {
      return ajv.compile(schema);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    } finally {
      // It would keep every schema that it has ever seen.
      ajv.removeSchema(schema);
    }
  }

  return {
    check(schema, value) {
      const validate = compile(schema);
      if (validate instanceof Error) {
        return [
          { path: [], message: `is checked by something that is no JSON Schema (${validate.message})` },
        ];
      }
      return validate(value) ? [] : (validate.errors ?? []).slice(0, MAX_PROBLEMS).map(toProblem);
    },
  };
}

function toProblem({ instancePath, keyword, params, message }: ErrorObject): SchemaProblem {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const { missingProperty, additionalProperty } = params as Record<string, unknown>;
  const member = missingProperty ?? additionalProperty;
  return {
    path: typeof member === 'string' ? [...path, member] : path,
    message: `${message ?? `fails ${keyword}`}${describeParams(params)}`,
  };
}

/** What the message of some keywords leaves out. */
function describeParams(params: Readonly<Record<string, unknown>>): string {
  const { allowedValues, allowedValue, additionalProperty } = params;
  const named = allowedValues ?? allowedValue ?? additionalProperty;
  return named === undefined ? '' : `: ${JSON.stringify(named).slice(0, 200)}`;
}
