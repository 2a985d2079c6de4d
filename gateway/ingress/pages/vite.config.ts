import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Files below this gain nothing from compression, in bytes. */
const SMALLEST_COMPRESSED_BYTES = 1024;

/** Writes a `.gz` beside each larger file, so that the gateway has nothing to compress: 7 MB become 2 MB on the wire. */
function compress(): Plugin {
  return {
    name: 'compress',
    async writeBundle({ dir }, bundle) {
      if (dir === undefined) return;
      const files = Object.entries(bundle).map(async ([name, file]) => {
        const content = Buffer.from(file.type === 'chunk' ? file.code : file.source);
        if (content.length < SMALLEST_COMPRESSED_BYTES) return;
        await writeFile(join(dir, `${name}.gz`), await promisify(gzip)(content));
      });
      await Promise.all(files);
    },
  };
}

/** GraphiQL as one offline page. Every address in it is relative, so that it also works behind a proxy's path. */
export default defineConfig({
  root: here('./graphiql'),
  base: './',
  publicDir: false,
  cacheDir: here('../../../node_modules/.vite/graphiql'),
  worker: { format: 'es' },
  plugins: [compress()],
  build: {
    outDir: here('../../../dist/pages/graphiql'),
    emptyOutDir: true,
    target: 'es2022',
    // The editor alone is about 3 MB; the default warning at 500 kB would tell nothing.
    chunkSizeWarningLimit: 5000,
    reportCompressedSize: false,
    // The libraries mark files with "use client" for servers that render; there is none here.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
});
