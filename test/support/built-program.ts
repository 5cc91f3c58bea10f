import path from 'node:path';
import type { Plugin } from 'vitest/config';
import { ensureBuilt } from './ensure-built.js';

const root = path.resolve(import.meta.dirname, '../..');
const source = path.join(root, 'src');
const pages = path.join(source, 'console');

/**
 * Gives tests the program as it is built, which Node loads at once. Compiling all of it for each worker, module by module,
 * takes a fifth of the processor time of tests whose own code is small.
 */
export function builtProgram(): Plugin {
  return {
    name: 'built-program',
    enforce: 'pre',
    async resolveId(imported, importer) {
      if (importer === undefined || !imported.startsWith('.')) return null;
      const file = path.resolve(path.dirname(importer), imported);
      if (!file.startsWith(source + path.sep) || file.startsWith(pages + path.sep)) return null;
      await ensureBuilt();
      return path.join(root, 'dist', path.relative(source, file));
    },
  };
}
