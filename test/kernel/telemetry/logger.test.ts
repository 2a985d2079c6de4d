import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const run = promisify(execFile);

/** What a process writes that logs these objects. */
async function log(...lines: readonly string[]): Promise<Record<string, unknown>[]> {
  const file = JSON.stringify(join(import.meta.dirname, '../../../kernel/telemetry/logger.ts'));
  const program = `
    import { createLogger } from ${file};
    const logger = createLogger({ level: 'info', pretty: false });
    ${lines.join('\n')}
  `;
  const { stdout } = await run(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', program],
    {
      timeout: 20_000,
      env: { ...process.env, NODE_OPTIONS: '' },
    },
  );
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the log', () => {
  it('writes one JSON object a line, and no secret that lies in what is logged', async () => {
    const lines = await log(
      `logger.info({ authorization: 'Bearer swordfish' }, 'one');`,
      `logger.info({ headers: { cookie: 'swordfish' }, a: { b: { password: 'swordfish' } } }, 'two');`,
      `logger.debug('below the level');`,
      `logger.error({ err: new Error('broken') }, 'three');`,
    );
    expect(lines).toMatchObject([
      { msg: 'one', authorization: '[secret]', time: expect.stringMatching(/^\d{4}-.*Z$/) },
      { msg: 'two', headers: { cookie: '[secret]' }, a: { b: { password: '[secret]' } } },
      { msg: 'three', err: { message: 'broken', stack: expect.any(String) } },
    ]);
    expect(JSON.stringify(lines)).not.toMatch('swordfish');
  });
});
