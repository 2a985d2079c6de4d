import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

/** A project with the real build script and the real tools, and as little as possible to build. */
const FILES = {
  'tsconfig.json': JSON.stringify({
    compilerOptions: { module: 'NodeNext', target: 'ES2023', types: [], skipLibCheck: true, sourceMap: true },
  }),
  'tsconfig.build.json': JSON.stringify({
    extends: './tsconfig.json',
    compilerOptions: {
      rootDir: '.',
      outDir: 'dist',
      declaration: true,
      incremental: true,
      tsBuildInfoFile: 'dist/.tsbuildinfo',
    },
    include: ['cli', 'kernel'],
    exclude: ['cli/dev'],
  }),
  'package.json': '{ "type": "module" }',
  'package-lock.json': '{}',
  'cli/main.ts': 'export const answer: number = 42;\n',
  'kernel/extra.ts': 'export const extra = 1;\n',
  'gateway/ingress/pages/vite.config.ts':
    "export default { root: import.meta.dirname + '/graphiql', build: { outDir: '../../../../dist/pages/graphiql', emptyOutDir: true } };\n",
  'gateway/ingress/pages/graphiql/index.html': '<!doctype html><title>page</title>\n',
  'dashboard/vite.config.ts':
    "export default { root: import.meta.dirname, build: { outDir: '../dist/pages/dashboard', emptyOutDir: true } };\n",
  'dashboard/index.html': '<!doctype html><title>dashboard</title>\n',
};

let project: string;

beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'aegis-build-'));
  for (const [path, text] of Object.entries(FILES)) await write(path, text);
  await cp('cli/dev/build.mjs', join(project, 'cli/dev/build.mjs'));
  await symlink(resolve('node_modules'), join(project, 'node_modules'), 'junction');
});

afterAll(async () => {
  await rm(project, { recursive: true, force: true });
});

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(project, path)), { recursive: true });
  await writeFile(join(project, path), text);
}

const read = (path: string) => readFile(join(project, path), 'utf8');
const exists = (path: string) =>
  stat(join(project, path)).then(
    () => true,
    () => false,
  );

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function build(...flags: string[]): Promise<Outcome> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [join(project, 'cli/dev/build.mjs'), ...flags]);
    const out = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (out.stderr += text));
    child.once('error', fail);
    child.once('close', (code) => {
      done({ code, ...out });
    });
  });
}

describe('the build script', () => {
  it('builds once when two processes ask at the same time, and nothing when all is current', async () => {
    const outcomes = await Promise.all([build(), build()]);
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
    const lines = outcomes.flatMap(({ stdout }) => stdout.trim().split('\n').filter(Boolean)).sort();
    expect(lines).toEqual([
      expect.stringMatching(/^dashboard bundled in \d+\.\d s$/),
      expect.stringMatching(/^graphiql bundled in \d+\.\d s$/),
      expect.stringMatching(/^server compiled in \d+\.\d s$/),
    ]);
    expect(await read('dist/cli/main.js')).toContain('answer = 42');
    expect(await read('dist/pages/graphiql/index.html')).toContain('<title>page</title>');
    await utimes(join(project, 'cli/main.ts'), new Date(), new Date());
    expect(await build()).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await exists('dist/.build.lock')).toBe(false);
  });

  it('builds only the step whose sources changed, and removes the output of a deleted source', async () => {
    await write('kernel/stays.ts', 'export const stays = 1;\n');
    await build();
    await rm(join(project, 'kernel/extra.ts'));
    await write('cli/main.ts', 'export const answer: number = 43;\n');
    expect((await build()).stdout).toMatch(/^server compiled in \d+\.\d s\n$/);
    expect(await read('dist/cli/main.js')).toContain('answer = 43');
    for (const kind of ['js', 'js.map', 'd.ts']) {
      expect(await exists(`dist/kernel/extra.${kind}`)).toBe(false);
      expect(await exists(`dist/kernel/stays.${kind}`)).toBe(true);
    }
  });

  it('gives the lock back at the end of the build, though its process goes on as what was built', async () => {
    await write('cli/main.ts', 'export const answer: number = 44;\n');
    const script = `await import('./build.mjs'); process.stdout.write(String((await import('node:fs')).existsSync('dist/.build.lock')));`;
    await write('cli/dev/goes-on.mjs', script);
    const child = spawn(process.execPath, ['cli/dev/goes-on.mjs'], { cwd: project });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await once(child, 'close');
    expect(output).toMatch(/^server compiled in \d+\.\d s\nfalse$/);
  });

  it('takes over the lock of a process that is gone, and fails with the output of the tool', async () => {
    await write('dist/.build.lock', '999999999');
    await write('cli/main.ts', "export const answer: number = 'many';\n");
    const failed = await build();
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('TS2322');
    expect(failed.stderr).toContain('server could not be compiled');
    expect((await build()).code).toBe(1);
    expect(await exists('dist/.build.lock')).toBe(false);
  });

  it('leaves a built dist alone when the tools are not installed, and says what is missing when there is none', async () => {
    await rm(join(project, 'node_modules'));
    expect(await build()).toEqual({ code: 0, stdout: '', stderr: '' });
    await rm(join(project, 'dist'), { recursive: true });
    const failed = await build();
    expect(failed.code).not.toBe(0);
    expect(failed.stderr).toContain('npm ci');
  });
});
