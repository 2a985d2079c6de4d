import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { compressAssets } from './compress-assets.js';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** GraphiQL as one offline page. Every address in it is relative, so that it also works behind a proxy's path. */
export default defineConfig({
  root: here('./graphiql'),
  base: './',
  publicDir: false,
  cacheDir: here('../../../node_modules/.vite/graphiql'),
  worker: { format: 'es' },
  plugins: [compressAssets()],
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
