import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker, type WorkerOptions } from 'node:worker_threads';

/** A mapping that needs more than this ends its thread alone, in MB; the process goes on. */
const MAX_HEAP_MB = 64;

/** Starts mapping-thread.ts: as it was built, or from the source where this file is run from the source. */
export function startMappingThread(): Worker {
  const options: WorkerOptions = {
    name: 'mappings of foreign JSON',
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
  };
  const extension = extname(import.meta.url);
  const entry = new URL(`./mapping-thread${extension}`, import.meta.url);
  if (extension === '.js') return new Worker(entry, options);
  return new Worker(describeSourceStart(entry), { ...options, eval: true });
}

/** TypeScript is read by tsx, in development and in tests; a new thread has none of the loaders of the first one. */
function describeSourceStart(entry: URL): string {
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx'));
  const api = new URL('./esm/api/index.mjs', tsx);
  return `import(${JSON.stringify(api)}).then((tsx) => { tsx.register(); return import(${JSON.stringify(entry)}); });`;
}
