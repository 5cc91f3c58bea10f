import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

const root = path.resolve(import.meta.dirname, '../..');

const ERROR_TEXTS = /\/src\/core\/(errors\/[^/]+|error-catalogue)\.ts$/;

/** Beside each file its compressed forms, as @fastify/static looks for them: nothing is compressed while serving. */
function compressFiles(): Plugin {
  return {
    name: 'compress-files',
    apply: 'build',
    async writeBundle({ dir = '' }) {
      const assets = path.join(dir, 'assets');
      for (const name of await readdir(assets)) {
        const file = path.join(assets, name);
        const bytes = await readFile(file);
        await writeFile(`${file}.br`, await promisify(brotliCompress)(bytes));
        await writeFile(`${file}.gz`, await promisify(gzip)(bytes, { level: 9 }));
      }
    },
  };
}

/** What is bundled wants its licence to go along. */
function keepLicences(): Plugin {
  return {
    name: 'keep-licences',
    apply: 'build',
    async generateBundle() {
      const text = await readFile(path.join(root, 'node_modules/preact/LICENSE'), 'utf8');
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: `The console contains preact:\n\n${text}` });
    },
  };
}

// biome-ignore lint/style/noDefaultExport: vite reads the default export
export default defineConfig({
  root: import.meta.dirname,
  // Addresses are relative to <base>, which the server sets: the console may be below any path.
  base: './',
  publicDir: false,
  logLevel: 'warn',
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: {
    outDir: path.join(root, 'dist/console'),
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    // Icons of a few bytes stay files: `img-src data:` is allowed, but style sheets stay small.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // Texts of errors are the largest part that all screens may need: nothing else is loaded again when one of them changes.
    rollupOptions: { output: { manualChunks: (id) => (ERROR_TEXTS.test(id) ? 'error-catalogue' : undefined) } },
  },
  plugins: [keepLicences(), compressFiles()],
});
