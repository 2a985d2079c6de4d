/* Builds what is stale: the server (TypeScript to dist/) and the pages (Vite to dist/pages/), side by side. Says nothing
 * when all is current. `--force` builds everything from scratch. Plain JavaScript, because it runs before the build. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string} verb what has been done when the line about it is printed
 * @property {string[]} sources files and folders that its output is made from, from the root
 * @property {(path: string) => boolean} uses whether a file of those folders counts
 * @property {string} output the file whose absence shows that the output is gone
 * @property {string} tool the package that does the work
 * @property {string[]} command its program, from that package's folder, and the arguments
 * @property {(force: boolean) => void} prepare removes outputs that must not survive
 * @property {() => void} [finish] adds what the tool leaves out
 */
/** @typedef {Record<string, [mtimeMs: number, size: number, hash: string]>} Inputs */
/** @typedef {Record<string, Inputs>} Stamp the inputs of each step's last good build */

const root = fileURLToPath(new URL('../..', import.meta.url));
const dist = join(root, 'dist');
const stampPath = join(dist, '.build.json');
const lockPath = join(dist, '.build.lock');
const LOCK_DEADLINE_MS = 300_000;
const LOCK_POLL_MS = 100;

const SERVER_FOLDERS = ['cli', 'gateway', 'kernel', 'subgraphs'];
const PAGES_FOLDER = 'gateway/ingress/pages/';
const DASHBOARD_FOLDER = 'dashboard/';

/** @type {Step[]} */
const steps = [
  {
    name: 'server',
    verb: 'compiled',
    sources: [...SERVER_FOLDERS, 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'],
    uses: (path) =>
      !path.startsWith(PAGES_FOLDER) && !path.startsWith('cli/dev/') && /\.(ts|json|yaml)$/.test(path),
    output: 'dist/cli/main.js',
    tool: 'typescript',
    command: ['bin/tsc', '-p', 'tsconfig.build.json'],
    prepare: prepareServer,
    finish: copyCatalogues,
  },
  {
    name: 'dashboard',
    verb: 'bundled',
    sources: [DASHBOARD_FOLDER, `${PAGES_FOLDER}compress-assets.ts`, 'tsconfig.json', 'package-lock.json'],
    uses: () => true,
    output: 'dist/pages/dashboard/index.html',
    tool: 'vite',
    command: ['bin/vite.js', 'build', '--logLevel', 'warn', '--config', `${DASHBOARD_FOLDER}vite.config.ts`],
    prepare: (force) => {
      if (force) rmSync(join(dist, 'pages/dashboard'), { recursive: true, force: true });
    },
  },
  {
    name: 'graphiql',
    verb: 'bundled',
    sources: [PAGES_FOLDER, 'tsconfig.json', 'package-lock.json'],
    uses: () => true,
    output: 'dist/pages/graphiql/index.html',
    tool: 'vite',
    command: ['bin/vite.js', 'build', '--logLevel', 'warn', '--config', `${PAGES_FOLDER}vite.config.ts`],
    prepare: (force) => {
      if (force) rmSync(join(dist, 'pages/graphiql'), { recursive: true, force: true });
    },
  },
];

/**
 * The compiler leaves the output of deleted sources behind, where it would still run: this removes it.
 * @param {boolean} force
 */
function prepareServer(force) {
  if (force || !existsSync(join(root, 'dist/cli/main.js'))) {
    for (const name of [...SERVER_FOLDERS, '.tsbuildinfo'])
      rmSync(join(dist, name), { recursive: true, force: true });
    return;
  }
  for (const path of SERVER_FOLDERS.flatMap((folder) => listFiles(folder, dist))) {
    const origins = [path, path.replace(/\.(d\.ts|js(\.map)?)$/, '.ts')];
    if (!origins.some((origin) => existsSync(join(root, origin)))) rmSync(join(dist, path), { force: true });
  }
}

/** The compiler leaves the data files of the sources where they are. */
function copyCatalogues() {
  for (const path of SERVER_FOLDERS.flatMap((folder) => listFiles(folder, root))) {
    if (!path.endsWith('.yaml')) continue;
    mkdirSync(dirname(join(dist, path)), { recursive: true });
    copyFileSync(join(root, path), join(dist, path));
  }
}

/**
 * Every file in a folder (or the one file), by its path from the base, with slashes on every system.
 * @param {string} path
 * @param {string} base
 * @returns {string[]}
 */
function listFiles(path, base) {
  const full = join(base, path);
  const found = statSync(full, { throwIfNoEntry: false });
  if (!found) return [];
  if (!found.isDirectory()) return [path];
  return readdirSync(full, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath ?? entry.path, entry.name)
        .slice(join(base, sep).length)
        .split(sep)
        .join('/'),
    )
    .sort();
}

/**
 * What a step's output is made from now. A file whose time and size have not changed is not read again.
 * @param {Step} step
 * @param {Inputs} known
 * @returns {Inputs}
 */
function readInputs(step, known) {
  /** @type {Inputs} */
  const inputs = {};
  for (const path of step.sources.flatMap((source) => listFiles(source, root)).filter(step.uses)) {
    const { mtimeMs, size } = statSync(join(root, path));
    const before = known[path];
    const same = before?.[0] === mtimeMs && before[1] === size;
    inputs[path] = [mtimeMs, size, same ? before[2] : hash(readFileSync(join(root, path)))];
  }
  return inputs;
}

/** @param {Buffer} content */
function hash(content) {
  return createHash('sha256').update(content).digest('base64url');
}

/**
 * @param {Inputs} now
 * @param {Inputs | undefined} before
 */
function isSame(now, before) {
  if (!before) return false;
  const paths = Object.keys(now);
  return (
    paths.length === Object.keys(before).length && paths.every((path) => now[path]?.[2] === before[path]?.[2])
  );
}

/** @returns {Stamp} */
function readStamp() {
  try {
    return JSON.parse(readFileSync(stampPath, 'utf8'));
  } catch {
    return {}; // None yet, or cut off: everything counts as stale.
  }
}

/** @param {Stamp} stamp */
function writeStamp(stamp) {
  const next = `${stampPath}.${process.pid}`;
  writeFileSync(next, JSON.stringify(stamp));
  renameSync(next, stampPath);
}

/**
 * The steps whose output is not what their inputs would give now.
 * @param {boolean} force
 */
function findStale(force) {
  const stamp = readStamp();
  return steps
    .map((step) => ({ step, inputs: readInputs(step, stamp[step.name] ?? {}) }))
    .filter(
      ({ step, inputs }) =>
        force || !existsSync(join(root, step.output)) || !isSame(inputs, stamp[step.name]),
    );
}

/** Whether another process builds now: one that is alive, and not a later one that was given a dead one's number. */
function isLocked() {
  try {
    if (Date.now() - statSync(lockPath).mtimeMs > LOCK_DEADLINE_MS) return false;
    process.kill(Number(readFileSync(lockPath, 'utf8')), 0); // Sends nothing; throws when there is no such process.
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/**
 * Waits until no other process builds, then keeps others from building until the returned function is called: at the end
 * of the build and not of the process, which may go on as the server that was built.
 */
async function takeLock() {
  mkdirSync(dist, { recursive: true });
  const deadlineAt = Date.now() + LOCK_DEADLINE_MS;
  for (;;) {
    try {
      writeFileSync(lockPath, String(process.pid), { flag: 'wx' });
      const release = () => rmSync(lockPath, { force: true });
      process.once('exit', release);
      return () => {
        process.off('exit', release);
        release();
      };
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!isLocked()) removeDeadLock();
    else if (Date.now() > deadlineAt)
      throw new Error(`Another build still holds ${lockPath} after 5 minutes.`);
    await delay(LOCK_POLL_MS);
  }
}

/** Of several that find the lock of a dead process, one moves it away; a lock that was taken in between is put back. */
function removeDeadLock() {
  const aside = `${lockPath}.${process.pid}`;
  try {
    const dead = readFileSync(lockPath, 'utf8');
    renameSync(lockPath, aside);
    if (readFileSync(aside, 'utf8') !== dead) renameSync(aside, lockPath);
    else rmSync(aside, { force: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

/**
 * The folder of an installed package.
 * @param {string} tool
 */
function findTool(tool) {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${tool}/package.json`));
  } catch {
    return undefined;
  }
}

/**
 * Runs a step's tool and prints one line about it; on a failure, the tool's own output.
 * @param {Step} step
 * @param {string} toolFolder
 * @returns {Promise<boolean>} whether it went well
 */
async function run({ name, verb, command }, toolFolder) {
  const startedAt = Date.now();
  const [program = '', ...options] = command;
  const child = spawn(process.execPath, [join(toolFolder, program), ...options], { cwd: root });
  process.once('exit', () => child.kill());
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const code = await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  if (code === 0) process.stdout.write(`${name} ${verb} in ${seconds} s\n`);
  else process.stderr.write(`${output}\n${name} could not be ${verb}, see above (${seconds} s)\n`);
  return code === 0;
}

/**
 * @param {{ step: Step, toolFolder: string }[]} work
 * @param {boolean} force
 */
async function build(work, force) {
  const release = await takeLock();
  try {
    await buildStale(work, force);
  } finally {
    release();
  }
}

/**
 * @param {{ step: Step, toolFolder: string }[]} work
 * @param {boolean} force
 */
async function buildStale(work, force) {
  // While this one waited, another process may have done the work; and the inputs may have changed.
  const stale = findStale(force).filter(({ step }) => work.some((item) => item.step === step));
  const stamp = readStamp();
  for (const { step } of stale) delete stamp[step.name];
  writeStamp(stamp);
  const results = stale.map(async ({ step, inputs }) => {
    step.prepare(force);
    const toolFolder = work.find((item) => item.step === step)?.toolFolder ?? '';
    if (await run(step, toolFolder)) {
      step.finish?.();
      stamp[step.name] = inputs;
    } else process.exitCode = 1;
  });
  await Promise.all(results);
  writeStamp(stamp);
}

async function main() {
  const force = process.argv.includes('--force');
  const stale = findStale(force);
  if (stale.length === 0 && !isLocked()) return;
  /** @type {{ step: Step, toolFolder: string }[]} */
  const work = [];
  for (const { step } of stale.length > 0 ? stale : steps.map((one) => ({ step: one }))) {
    const toolFolder = findTool(step.tool);
    if (toolFolder !== undefined) work.push({ step, toolFolder });
  }
  if (work.length > 0) await build(work, force);
  else if (!existsSync(join(root, 'dist/cli/main.js'))) {
    throw new Error(
      'dist/ is missing, and so are the tools that build it. Install them with `npm ci` and try again.',
    );
  }
}

const stop = () => process.exit(1);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
await main();
for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, stop);
