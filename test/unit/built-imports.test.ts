import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

// Goal: benchmarks and other programs that import what is built name files and exports that exist. The suite does not run
// them, so only somebody who wants to measure would notice that a file has moved.

const root = path.resolve(import.meta.dirname, '../..');
const IMPORT = /import\s+\{([^}]*)\}\s+from\s+'(?:\.\.\/)+dist\/([^']+)\.js'/g;

const programs = ['test', 'examples', 'scripts']
  .flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name)),
  )
  .filter((file) => file.endsWith('.mjs') && !file.includes('node_modules'))
  .map((file) => ({ file, imports: [...readFileSync(path.join(root, file), 'utf8').matchAll(IMPORT)] }))
  .filter(({ imports }) => imports.length > 0);

describe('programs over the build', () => {
  it('finds them', () => expect(programs.map(({ file }) => file)).toContain('test/bench/auto-cdc.mjs'));

  it.each(programs)('$file imports what there is', ({ imports }) => {
    for (const [, names = '', module = ''] of imports) {
      const source = path.join(root, 'src', `${module}.ts`);
      expect(existsSync(source), `${module}.ts`).toBe(true);
      const text = readFileSync(source, 'utf8');
      const wanted = names.split(',').map((each) => each.trim().split(/\s+as\s+/)[0] ?? '');
      for (const name of wanted.filter((each) => each !== '')) {
        expect(new RegExp(`\\bexport\\b[^;(=]*\\b${name}\\b`).test(text), `${name} of ${module}.ts`).toBe(true);
      }
    }
  });
});
