import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { formatSections } from '../../../cli/dev/generate-env-example.js';
import type { Setting } from '../../../kernel/config/settings.js';

function aSetting(env: string, setting: Partial<Setting<unknown>> = {}): Setting<unknown> {
  return { env, description: 'What it is.', expects: 'a text', schema: z.string().optional(), ...setting };
}

/** The text of `.env.example` for tables of settings, from the first of them on. */
function format(...tables: Setting<unknown>[][]): string {
  const text = formatSections(tables.map((settings, index) => ({ title: `table ${index + 1}`, settings })));
  return text.slice(text.indexOf('# --- table 1'), text.indexOf('\n# --- docker-compose.yml'));
}

describe('.env.example', () => {
  it('tells what each variable means and accepts, and shows its default behind a #', () => {
    const port = aSetting('AEGIS_PORT', {
      description: 'Port of HTTP.',
      expects: 'a port from 0 to 65535',
      schema: z.coerce.number().default(4000),
    });

    expect(format([port])).toBe(
      '# --- table 1\n\n# Port of HTTP.\n# Expects a port from 0 to 65535.\n#AEGIS_PORT=4000\n',
    );
  });

  it('joins a list by commas and leaves a missing default empty', () => {
    const list = aSetting('AEGIS_LIST', { schema: z.array(z.string()).default(['a', 'b']) });

    expect(format([list, aSetting('AEGIS_NONE')])).toMatch(/#AEGIS_LIST=a,b\n[^]*#AEGIS_NONE=\n/);
  });

  it('never shows the value of a secret', () => {
    const secret = aSetting('AEGIS_SECRET', { secret: true, schema: z.string().default('hunter2') });
    const text = format([secret]);

    expect(text).toMatch(/^AEGIS_SECRET=$/m);
    expect(text).not.toContain('hunter2');
  });

  it('leaves a variable without a default open', () => {
    expect(format([aSetting('AEGIS_NEEDED', { schema: z.string() })])).toMatch(/^AEGIS_NEEDED=$/m);
  });

  it('tells of a variable that several tables read once, with each of its meanings', () => {
    const text = format(
      [aSetting('AEGIS_PORT', { description: 'Port of the gateway.' }), aSetting('DATABASE_URL')],
      [aSetting('AEGIS_PORT', { description: 'Port of the subgraph.' }), aSetting('DATABASE_URL')],
    );

    expect(text.match(/AEGIS_PORT=/g)).toHaveLength(1);
    expect(text).toContain('# Port of the gateway.\n# Expects a text.\n# Or:\n# Port of the subgraph.');
    expect(text.match(/What it is\./g)).toHaveLength(1);
    expect(text).not.toContain('table 2');
  });
});
