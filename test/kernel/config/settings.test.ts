import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import {
  readSettings,
  SettingsError,
  type Setting,
  type SettingSources,
} from '../../../kernel/config/settings.js';

const table = {
  port: {
    env: 'AEGIS_PORT',
    flag: 'port',
    description: 'Where to listen',
    expects: 'a port from 0 to 65535',
    schema: z.coerce.number().int().min(0).max(65_535).default(4_000),
  },
  probe: {
    env: 'AEGIS_PROBE',
    flag: 'no-probe',
    description: 'Whether to run the probe',
    expects: 'true or false',
    schema: z.stringbool().default(true),
  },
  region: {
    env: 'AEGIS_REGION',
    description: 'Where it stands',
    expects: 'the name of a region',
    schema: z.string().min(1),
  },
  secret: {
    env: 'AEGIS_SECRET',
    description: 'A secret',
    expects: 'at least 8 characters',
    schema: z.string().min(8),
    secret: true,
  },
} satisfies Record<string, Setting<unknown>>;

const GOOD = { AEGIS_REGION: 'north', AEGIS_SECRET: 'swordfish' };

function read({ flags = {}, env = {} }: Partial<SettingSources>) {
  return readSettings(table, { flags, env: { ...GOOD, ...env } });
}

function mistakesOf(sources: SettingSources): readonly string[] {
  try {
    readSettings(table, sources);
  } catch (error) {
    if (error instanceof SettingsError) return error.mistakes;
    throw error;
  }
  return [];
}

describe('the settings of a process', () => {
  it('come from flags, then the environment, then defaults', () => {
    expect(read({}).port).toBe(4_000);
    expect(read({ env: { AEGIS_PORT: '5000' } }).port).toBe(5_000);
    expect(read({ flags: { port: '6000' }, env: { AEGIS_PORT: '5000' } }).port).toBe(6_000);
  });

  it('take an empty variable for one that is not set', () => {
    expect(read({ env: { AEGIS_PORT: '' } }).port).toBe(4_000);
  });

  it('are switched off by a flag that begins with no-', () => {
    expect(read({}).probe).toBe(true);
    expect(read({ flags: { 'no-probe': true } }).probe).toBe(false);
    expect(read({ flags: { 'no-probe': false } }).probe).toBe(true);
    expect(read({ env: { AEGIS_PROBE: 'false' } }).probe).toBe(false);
  });

  it('tell of every mistake at once: where it is, what was expected and what came', () => {
    expect(
      mistakesOf({ flags: { port: '70000' }, env: { AEGIS_PROBE: 'maybe', AEGIS_SECRET: 'short' } }),
    ).toEqual([
      '--port: expected a port from 0 to 65535, got "70000".',
      'AEGIS_PROBE: expected true or false, got "maybe".',
      'AEGIS_REGION: expected the name of a region, but nothing was given.',
      'AEGIS_SECRET: expected at least 8 characters, got something else.',
    ]);
  });

  it('never show a secret', () => {
    const mistakes = mistakesOf({ flags: {}, env: { AEGIS_REGION: 'north', AEGIS_SECRET: 'fish' } });
    expect(mistakes).toHaveLength(1);
    expect(mistakes.join()).not.toMatch('fish');
  });
});
