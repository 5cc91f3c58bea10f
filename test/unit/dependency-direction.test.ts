import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

// Goal: imports point downwards only, as ARCHITECTURE.md draws it, and no source file grows beyond reading.

const source = path.resolve(import.meta.dirname, '../../src');
const linesLimit = 600;

/** What each folder of src may import beside itself. The doors (cli, main) may import all and are imported by none. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  lake: ['core', 'observability'],
  postgres: ['core', 'observability'],
  embedded: ['core', 'observability'],
  observability: ['core'],
  settings: ['core'],
  docs: ['core'],
  flows: ['core'],
  scd: ['core', 'postgres'],
  sync: ['core', 'flows', 'scd', 'lake', 'postgres', 'observability'],
  queue: ['core', 'postgres', 'observability'],
  api: ['core', 'flows', 'postgres', 'sync', 'queue', 'settings', 'observability'],
  sidecar: ['core', 'lake', 'postgres', 'sync', 'queue', 'api', 'settings', 'observability'],
  doctor: ['core', 'lake', 'postgres', 'settings', 'sidecar'],
  program: ['core', 'flows', 'lake', 'postgres', 'sync', 'queue', 'settings', 'sidecar', 'observability'],
};
const doors = ['main', 'index', 'cli'];

interface SourceFile {
  /** Path below src. */
  readonly name: string;
  readonly text: string;
  /** Files below src that it imports. */
  readonly imports: readonly string[];
}

function readSources(): SourceFile[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const text = readFileSync(path.join(source, name), 'utf8');
      return { name, text, imports: importsOf(name, text) };
    });
}

function importsOf(name: string, text: string): string[] {
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*'(\.[^']+)'/g)].map((match) => match[1] ?? '');
  return specifiers.map((specifier) => path.join(path.dirname(name), specifier).replace(/\.js$/, '.ts'));
}

/** The folder right below src, or the file itself when it lies there. */
function roomOf(name: string): string {
  return (name.split(path.sep)[0] ?? name).replace(/\.ts$/, '');
}

function findCycle(files: readonly SourceFile[]): string[] | null {
  const importsByName = new Map(files.map((file) => [file.name, file.imports]));
  const finished = new Set<string>();
  const visit = (name: string, above: readonly string[]): string[] | null => {
    if (above.includes(name)) return [...above.slice(above.indexOf(name)), name];
    if (finished.has(name)) return null;
    for (const imported of importsByName.get(name) ?? []) {
      const cycle = visit(imported, [...above, name]);
      if (cycle !== null) return cycle;
    }
    finished.add(name);
    return null;
  };
  for (const { name } of files) {
    const cycle = visit(name, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

const files = readSources();

it('finds the sources and their imports', () => {
  const start = files.find((file) => file.name === path.join('embedded', 'embedded-postgres.ts'));
  expect(start?.imports).toContain(path.join('core', 'errors.ts'));
  const names = new Set(files.map((file) => file.name));
  const unresolved = files.flatMap((file) => file.imports.filter((name) => !names.has(name)));
  expect(unresolved).toEqual([]);
});

it('knows the floor of every folder', () => {
  const rooms = new Set(files.map((file) => roomOf(file.name)));
  expect([...rooms].filter((room) => !(room in mayImport) && !doors.includes(room))).toEqual([]);
});

it('imports downwards only', () => {
  const wrong: string[] = [];
  for (const { name, imports } of files) {
    const room = roomOf(name);
    for (const imported of imports) {
      const target = roomOf(imported);
      if (target === room || doors.includes(room) || mayImport[room]?.includes(target)) continue;
      wrong.push(`${name} imports ${imported}`);
    }
  }
  expect(wrong).toEqual([]);
});

it('has no import cycles', () => {
  expect(findCycle(files)).toBeNull();
});

it('finds a cycle when there is one', () => {
  const file = (name: string, ...imports: string[]): SourceFile => ({ name, text: '', imports });
  expect(findCycle([file('a', 'b'), file('b', 'c'), file('c', 'b')])).toEqual(['b', 'c', 'b']);
});

it(`keeps source files within ${linesLimit} lines`, () => {
  const written = files.filter(({ name }) => !name.endsWith('.generated.ts'));
  const long = written.filter(({ text }) => text.split('\n').length - 1 > linesLimit).map(({ name }) => name);
  expect(long).toEqual([]);
});
