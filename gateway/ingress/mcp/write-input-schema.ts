import { z } from 'zod';
import type { ObjectSchema } from './variables-schema.js';

/** The JSON Schema of what a tool takes. */
export function writeInputSchema(schema: z.ZodObject): ObjectSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest as ObjectSchema;
}
