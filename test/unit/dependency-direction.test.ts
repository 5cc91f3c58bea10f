import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

// Goal: imports point downwards only, as ARCHITECTURE.md draws it, and no source file grows beyond reading.

const source = path.resolve(import.meta.dirname, '../../src');
const linesLimit = 600;
const consoleLinesLimit = 250;

/** What each folder of src may import beside itself. The doors (cli, main) may import all and are imported by none. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  // Tables of other databases are sources.
  lake: ['core', 'observability', 'postgres'],
  postgres: ['core', 'observability'],
  embedded: ['core', 'observability'],
  observability: ['core'],
  settings: ['core'],
  // The reference of the SQL side is read from what is installed.
  docs: ['core', 'postgres'],
  flows: ['core'],
  scd: ['core', 'postgres'],
  sync: ['core', 'flows', 'scd', 'lake', 'postgres', 'observability'],
  queue: ['core', 'postgres', 'observability'],
  console: ['core', 'api'],
  api: ['core', 'flows', 'postgres', 'sync', 'queue', 'settings', 'observability'],
  sidecar: ['core', 'lake', 'postgres', 'sync', 'queue', 'api', 'settings', 'observability'],
  doctor: ['core', 'lake', 'postgres', 'settings', 'sidecar'],
  program: [
    'core',
    'doctor',
    'embedded',
    'flows',
    'lake',
    'postgres',
    'sync',
    'queue',
    'settings',
    'sidecar',
    'observability',
  ],
};
const doors = ['main', 'index', 'cli'];

/**
 * Rooms that are divided again: what each part may import of the same room beside itself. A part is a folder, or a file
 * that lies loose beside the folders, by its name without `.ts`. A loose file that is not listed may import every part.
 */
const partsMayImport: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  lake: {
    'source-snapshot': [],
    'source-details': ['source-snapshot'],
    variant: [],
    dialect: ['read-hint'],
    engine: ['variant'],
    parquet: ['engine'],
    relation: ['engine', 'parquet'],
    changes: ['relation', 'parquet', 'source-snapshot'],
    storage: ['relation'],
    'read-hint': [],
    'lake-table': ['changes', 'relation', 'engine', 'read-hint', 'source-snapshot', 'source-details'],
    choice: ['dialect', 'changes', 'relation', 'parquet', 'engine', 'lake-table', 'read-hint', 'source-snapshot'],
    'deletion-vectors': [],
    'data-files': ['storage', 'relation', 'engine', 'read-hint'],
    delta: [
      'data-files',
      'deletion-vectors',
      'read-hint',
      'storage',
      'changes',
      'relation',
      'parquet',
      'engine',
      'lake-table',
      'source-snapshot',
      'source-details',
    ],
    iceberg: [
      'changes',
      'read-hint',
      'data-files',
      'deletion-vectors',
      'storage',
      'relation',
      'parquet',
      'engine',
      'lake-table',
      'source-snapshot',
      'source-details',
    ],
    views: ['dialect', 'engine', 'lake-table', 'relation', 'source-details', 'source-snapshot'],
    files: [
      'delta',
      'data-files',
      'dialect',
      'engine',
      'lake-table',
      'parquet',
      'read-hint',
      'relation',
      'source-details',
      'source-snapshot',
      'storage',
    ],
    sharing: ['changes', 'delta', 'engine', 'lake-table', 'read-hint', 'source-snapshot', 'storage'],
    requests: [],
    remote: ['requests', 'changes', 'parquet', 'engine', 'lake-table', 'relation', 'source-details', 'source-snapshot'],
    catalog: [
      'requests',
      'remote',
      'views',
      'files',
      'delta',
      'iceberg',
      'sharing',
      'dialect',
      'storage',
      'engine',
      'lake-table',
      'source-snapshot',
    ],
  },
  'lake/iceberg': {
    'iceberg-table-options': ['metadata'],
    avro: [],
    metadata: [],
    schema: ['metadata'],
    manifests: ['avro', 'metadata'],
    snapshot: ['manifests', 'metadata', 'schema', 'iceberg-table-options'],
    files: ['manifests', 'metadata', 'schema', 'avro'],
    deletes: ['files', 'snapshot', 'manifests', 'schema'],
    scan: ['deletes', 'files', 'snapshot', 'manifests'],
    changes: ['scan', 'files', 'snapshot', 'manifests', 'metadata', 'schema', 'iceberg-table-options'],
  },
  'lake/delta': {
    'delta-table-options': ['log'],
    log: [],
    schema: ['log'],
    'deletion-vectors': ['log'],
    snapshot: ['log', 'schema', 'deletion-vectors'],
    scan: ['snapshot', 'schema', 'deletion-vectors'],
    changes: ['scan', 'snapshot', 'schema', 'deletion-vectors', 'log', 'delta-table-options'],
  },
  // What services share imports none of them, and no service imports another.
  api: {
    wire: [],
    places: [],
    names: ['places'],
    identity: ['places'],
    'synced-tables': ['names', 'places', 'wire'],
    database: ['permissions', 'synced-tables', 'names', 'identity', 'places', 'wire'],
    postgres: ['permissions', 'synced-tables', 'names', 'identity', 'places', 'wire'],
    permissions: ['places', 'wire'],
    files: ['synced-tables', 'places'],
    pipelines: ['files', 'permissions', 'names', 'places', 'wire'],
    'unity-catalog': ['synced-tables', 'names', 'places', 'wire'],
    workspace: ['files', 'permissions', 'places', 'wire'],
    metrics: ['places'],
    native: ['synced-tables', 'identity', 'names', 'places', 'wire'],
    console: ['places', 'wire'],
    server: [
      'database',
      'postgres',
      'pipelines',
      'unity-catalog',
      'workspace',
      'files',
      'metrics',
      'native',
      'console',
      'identity',
      'places',
      'wire',
    ],
  },
  postgres: {
    session: [],
    copy: ['session'],
    registry: [],
    install: ['session'],
    refusals: ['session'],
    publish: ['refusals', 'registry', 'copy', 'session'],
  },
  // Statements for HTTP are kept apart from those of updates.
  'postgres/registry': {
    api: [],
  },
  flows: {
    parser: [],
    declare: ['parser'],
  },
  scd: {
    // A target and its staged events are arranged by one layout.
    target: ['event'],
    event: ['target'],
    merge: ['event', 'target'],
    batch: ['merge', 'event', 'target'],
  },
  sync: {
    source: [],
    task: [],
    copy: ['task', 'source'],
    changes: ['task', 'source'],
    update: ['changes', 'copy', 'task', 'source'],
    follow: ['update', 'task', 'source'],
    verify: ['source'],
    flows: ['follow', 'task', 'source'],
  },
  doctor: {
    facts: [],
  },
  cli: {
    options: [],
    queries: [],
    reading: [],
    connect: ['options'],
    output: ['options'],
    waiting: ['options', 'output', 'queries'],
    tour: ['output'],
    preparing: [],
  },
};

interface SourceFile {
  /** Path below src. */
  readonly name: string;
  readonly text: string;
  /** Files below src that it imports. */
  readonly imports: readonly string[];
}

function readSources(): SourceFile[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.d.ts'))
    .map((name) => {
      const text = readFileSync(path.join(source, name), 'utf8');
      return { name, text, imports: importsOf(name, text) };
    });
}

function importsOf(name: string, text: string): string[] {
  const specifiers = [...text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*'(\.[^']+)'/g)].map((match) => match[1] ?? '');
  return specifiers
    .filter((specifier) => !specifier.endsWith('.css'))
    .map((specifier) => {
      const file = path.join(path.dirname(name), specifier).replace(/\.js$/, '.ts');
      return existsSync(path.join(source, file)) ? file : `${file}x`;
    });
}

/** The folder right below src, or the file itself when it lies there. */
function roomOf(name: string): string {
  return (name.split(path.sep)[0] ?? name).replace(/\.ts$/, '');
}

/** The folder right below a room, or the loose file in it without `.ts`; null for files of other rooms. */
function partOf(room: string, name: string): string | null {
  const below = path.relative(room, name);
  if (below.startsWith('..')) return null;
  return (below.split(path.sep)[0] ?? below).replace(/\.ts$/, '');
}

function importsAcrossParts(room: string): { readonly from: string; readonly to: string; readonly import: string }[] {
  return files.flatMap(({ name, imports }) => {
    const from = partOf(room, name);
    return imports.flatMap((imported) => {
      const to = partOf(room, imported);
      if (from === null || to === null || from === to) return [];
      return [{ from, to, import: `${name} imports ${imported}` }];
    });
  });
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

it('has nothing of the targets in the sources but their sessions', () => {
  const imported = files.filter(({ name }) => roomOf(name) === 'lake').flatMap(({ imports }) => imports);
  const parts = new Set(imported.flatMap((name) => partOf('postgres', name) ?? []));
  expect([...parts].sort()).toEqual(['copy', 'session']);
});

describe.each(Object.entries(partsMayImport))('within %s', (room, mayImportParts) => {
  it('knows every folder, and nothing that is gone', () => {
    const parts = files.map(({ name }) => partOf(room, name)).filter((part) => part !== null);
    const folders = parts.filter((part) => !files.some(({ name }) => name === path.join(room, `${part}.ts`)));
    expect(folders.filter((folder) => !(folder in mayImportParts))).toEqual([]);
    expect(Object.keys(mayImportParts).filter((part) => !parts.includes(part))).toEqual([]);
  });

  it('imports in the allowed direction only', () => {
    const wrong = importsAcrossParts(room).filter(({ from, to }) => mayImportParts[from]?.includes(to) === false);
    expect(wrong.map((each) => each.import)).toEqual([]);
  });

  it('allows no part more than it needs', () => {
    const needed = new Set(importsAcrossParts(room).map(({ from, to }) => `${from} to ${to}`));
    const allowed = Object.entries(mayImportParts).flatMap(([from, parts]) => parts.map((to) => `${from} to ${to}`));
    expect(allowed.filter((pair) => !needed.has(pair))).toEqual([]);
  });
});

it('has no import cycles', () => {
  expect(findCycle(files)).toBeNull();
});

it('finds a cycle when there is one', () => {
  const file = (name: string, ...imports: string[]): SourceFile => ({ name, text: '', imports });
  expect(findCycle([file('a', 'b'), file('b', 'c'), file('c', 'b')])).toEqual(['b', 'c', 'b']);
});

it('brings nothing of the server into the console but types', () => {
  const values = files
    .filter(({ name }) => roomOf(name) === 'console')
    .flatMap(({ name, text }) => {
      const imports = text.matchAll(/^import (?!type )[^;]*?'((?:\.\.\/)+api\/[^']+)'/gms);
      return [...imports].map((match) => `${name} imports ${match[1]}`);
    });
  expect(values).toEqual([]);
});

it(`keeps source files within ${linesLimit} lines, those of the console within ${consoleLinesLimit}`, () => {
  const written = files.filter(({ name }) => !name.endsWith('.generated.ts'));
  const limitOf = (name: string) => (roomOf(name) === 'console' ? consoleLinesLimit : linesLimit);
  const long = written.filter(({ name, text }) => text.split('\n').length - 1 > limitOf(name)).map(({ name }) => name);
  expect(long).toEqual([]);
});
