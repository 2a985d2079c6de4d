import { describe, expect, it } from '@jest/globals';
import { listDatabaseSchemas } from '../../../cli/dev/generate-database-client.js';

const BASE = 'datasource db {\n  provider = "postgresql"\n  schemas  = ["kernel"]\n}\n';

describe('the list of database schemas', () => {
  it('holds the schema of every file once, in order', () => {
    const files = new Map([
      ['prisma/schema/base.prisma', BASE],
      [
        'prisma/schema/models.prisma',
        'model A {\n  @@schema("models")\n}\nmodel B {\n  @@schema("models")\n}\n',
      ],
      ['prisma/schema/devices.prisma', 'model C {\n  @@schema("devices")\n}\n'],
    ]);

    expect(listDatabaseSchemas(files)).toBe(BASE.replace('["kernel"]', '["devices", "models"]'));
  });

  it('says what is missing when the base has no list to keep', () => {
    const files = new Map([['prisma/schema/base.prisma', 'datasource db {\n}\n']]);

    expect(() => listDatabaseSchemas(files)).toThrow('expected a line "schemas = […]"');
  });
});
