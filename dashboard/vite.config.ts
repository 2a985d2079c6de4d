import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { compressAssets } from '../gateway/ingress/pages/compress-assets.js';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The dashboard as one offline page. Every address in it is relative, so that it also works behind a proxy's path. */
export default defineConfig({
  root: here('.'),
  base: './',
  publicDir: false,
  cacheDir: here('../node_modules/.vite/dashboard'),
  plugins: [compressAssets()],
  build: {
    outDir: here('../dist/pages/dashboard'),
    emptyOutDir: true,
    target: 'es2022',
    reportCompressedSize: false,
  },
});
