import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';

// Goal: the console stays quick on slow lines: what a first visit loads, and what each screen adds.

const KILOBYTE = 1_000;
const FIRST_LOAD = 100 * KILOBYTE;
const SCREEN = 25 * KILOBYTE;

const built = path.resolve(import.meta.dirname, '../../dist/console');

const sizeOf = (file: string) => gzipSync(readFileSync(path.join(built, file)), { level: 9 }).length;

/** Assets that a file names, such as the chunks that it imports. */
function namedIn(file: string): string[] {
  const text = readFileSync(path.join(built, file), 'utf8');
  return [...new Set([...text.matchAll(/[\w-]+-[\w-]{8}\.(?:js|css|svg)/g)].map(([name]) => `assets/${name}`))];
}

it(`loads less than ${FIRST_LOAD / KILOBYTE} kB, compressed, at the first visit`, () => {
  const page = namedIn('index.html');
  const [entry = ''] = page.filter((file) => file.endsWith('.js'));
  const screen = namedIn(entry).filter((file) => file.includes('/tables-screen-'));
  expect(screen.length).toBeGreaterThan(0);
  const shared = screen.filter((file) => file.endsWith('.js')).flatMap(namedIn);
  const files = ['index.html', ...new Set([...page, ...screen, ...shared])];
  const bytes = files.map(sizeOf).reduce((sum, size) => sum + size, 0);
  console.info(`The first visit loads ${Math.round(bytes / 100) / 10} kB in ${files.length} files.`);
  expect(bytes).toBeLessThan(FIRST_LOAD);
});

it(`adds less than ${SCREEN / KILOBYTE} kB with each part that is loaded later`, () => {
  const parts = readdirSync(path.join(built, 'assets')).filter((name) => /\.(js|css)$/.test(name));
  const large = parts.filter((name) => sizeOf(`assets/${name}`) > SCREEN);
  expect(large).toEqual([]);
});
