import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

// Goal: a signal to the shell of `npm run …` reaches the program, and no script names a file that is gone.

const root = path.resolve(import.meta.dirname, '../..');
const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  scripts: Readonly<Record<string, string>>;
};
/** They end by themselves within a minute and start nothing that goes on. */
const short = new Set(['build', 'prepack', 'format', 'lint', 'typecheck', 'unused']);

it('each script that goes on hands its shell over to the program', () => {
  // Without exec the shell stands between: it dies of the signal alone, and the program is left running.
  const standing = Object.entries(scripts).filter(([name, script]) => {
    return !short.has(name) && !script.split('&&').at(-1)?.trim().startsWith('exec ');
  });
  expect(standing).toEqual([]);
});

it('names files that exist', () => {
  const files = Object.values(scripts)
    .flatMap((script) => script.split(' '))
    .filter((word) => /^(bin|scripts|test)\//.test(word));
  expect(files.length).toBeGreaterThan(10);
  expect(files.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
});
