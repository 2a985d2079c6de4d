import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { knownFlagsOf, readCommandLine } from '../../cli/command-line.js';
import { compose } from '../../cli/commands/compose.js';
import { runCompose } from '../../cli/run/compose.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'aegis-supergraph-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function check(...flags: readonly string[]): Promise<void> {
  const line = readCommandLine(['--check', ...flags], knownFlagsOf({}, compose.flags));
  return runCompose({ settings: {}, words: [], line, root });
}

describe('the committed supergraph', () => {
  it('is what the contracts compose to', async () => {
    await expect(check()).resolves.toBeUndefined();
  });

  it('would be refused with any other text', async () => {
    const file = join(folder, 'supergraph.graphql');
    const committed = await readFile(join(root, 'schema', 'supergraph.graphql'), 'utf8');
    writeFileSync(file, committed.replace('Opaque id', 'Id'));
    await expect(check('--out', file)).rejects.toThrow(`${file} is not what the contracts compose to`);
  });
});
