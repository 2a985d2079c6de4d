import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Plugin } from 'vite';

/** Files below this gain nothing from compression, in bytes. */
const SMALLEST_COMPRESSED_BYTES = 1024;

/** Writes a `.gz` beside each larger file of a page, so that the gateway has nothing to compress. */
export function compressAssets(): Plugin {
  return {
    name: 'compress-assets',
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
