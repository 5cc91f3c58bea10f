import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

// Goal: whatever code and documents point to, a reader of the repository can open: documents with their sections, and
// decisions by number; and every test file says what it is for.

const root = path.resolve(import.meta.dirname, '../..');

interface Citation {
  readonly from: string;
  /** Below the root of the repository. */
  readonly file: string;
  readonly section: string | null;
}

function filesBelow(folder: string, endings: readonly string[]): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => endings.some((ending) => name.endsWith(ending)) && !/node_modules|fixtures/.test(name))
    .map((name) => path.join(folder, name));
}

const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

/** Names of documents in comments and texts of code, as a path from the root. */
function citationsOfCode(): Citation[] {
  const code = ['src', 'sql', 'test', 'scripts', 'bin'].flatMap((folder) =>
    filesBelow(folder, ['.ts', '.mjs', '.cjs', '.sql', '.py', '.peggy']),
  );
  return code.flatMap((from) =>
    [...read(from).matchAll(/(?:\.\.\/)*([\w./-]*\w\.md)\b(?:#([\w-]+))?/g)].map(([, file = '', section]) => ({
      from,
      file,
      section: section ?? null,
    })),
  );
}

/** Relative links of Markdown. */
function citationsOfDocuments(): Citation[] {
  const documents = [
    ...['docs', 'examples', 'docker', 'deploy'].flatMap((folder) => filesBelow(folder, ['.md'])),
    ...topDocuments(),
  ];
  return documents.flatMap((from) =>
    [...read(from).matchAll(/\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)/g)].map(([, to = '', section]) => ({
      from,
      file: to === '' ? from : path.join(path.dirname(from), to),
      section: section ?? null,
    })),
  );
}

const topDocuments = () => readdirSync(root).filter((name) => name.endsWith('.md'));

function sectionsOf(file: string): ReadonlySet<string> {
  const headings = [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function describeBroken({ from, file, section }: Citation): string[] {
  if (!existsSync(path.join(root, file))) return [`${from}: ${file} is not in the repository`];
  if (section !== null && !sectionsOf(file).has(section)) return [`${from}: ${file} has no section ${section}`];
  return [];
}

it('cites no document from code that is not in the repository', () => {
  const citations = citationsOfCode();
  expect(citations.length).toBeGreaterThan(30);
  expect(citations.flatMap(describeBroken)).toEqual([]);
});

it('has no broken link between documents', () => {
  const citations = citationsOfDocuments();
  expect(citations.length).toBeGreaterThan(250);
  expect(citations.flatMap(describeBroken)).toEqual([]);
});

it('links from packed documents only to what is packed, or to what is named as part of the repository', () => {
  const { files } = JSON.parse(read('package.json')) as { files: string[] };
  const packed = (file: string) =>
    [...files, 'LICENSE', 'package.json'].some((each) => file === each || file.startsWith(`${each}/`));
  const lost = citationsOfDocuments().filter(({ from, file }) => packed(from) && !packed(file));
  // CONTRIBUTING.md is for the repository.
  expect(lost.filter(({ from }) => from !== 'CONTRIBUTING.md').map(({ from, file }) => `${from}: ${file}`)).toEqual([]);
});

it('cites no chapter by number, which only a document elsewhere could have', () => {
  const code = ['src', 'test'].flatMap((folder) => filesBelow(folder, ['.ts'])).concat(filesBelow('sql', ['.sql']));
  const cited = code.flatMap((from) =>
    [...read(from).matchAll(/\((?:see )?[a-z][a-z-]+ \d+\.\d+(?: to \d+\.\d+)?\)/g)].map(
      ([text]) => `${from}: ${text}`,
    ),
  );
  expect(cited).toEqual([]);
});

it('cites decisions that there are', () => {
  const decisions = readdirSync(path.join(root, 'docs/decisions')).map((name) => name.slice(0, 4));
  const numbers = [
    ...filesBelow('src', ['.ts']),
    ...filesBelow('sql', ['.sql']),
    ...filesBelow('docs', ['.md']),
  ].flatMap((from) =>
    [...read(from).matchAll(/docs\/decisions\/(\d{4})/g)].map(([, number = '']) => ({ from, number })),
  );
  expect(numbers.filter(({ number }) => !decisions.includes(number))).toEqual([]);
});

it('has a goal in every test file, before its first test', () => {
  const tests = filesBelow('test', ['.test.ts']);
  expect(tests.length).toBeGreaterThan(100);
  const withoutGoal = tests.filter((from) => {
    const [head = ''] = read(from).split(/^(?:it|test|describe)\b/m);
    return !/^\/\/ Goal: \S/m.test(head);
  });
  expect(withoutGoal).toEqual([]);
});

it('names no folder or file in ARCHITECTURE.md that is gone', () => {
  const text = read('ARCHITECTURE.md');
  const named = [...text.matchAll(/\b((?:src|sql|test)\/[\w./-]*\w)/g)].map((match) => match[1] ?? '');
  // A way through the house names neighbours once: src/lake/catalog, delta.
  expect(named.length).toBeGreaterThan(40);
  expect(named.filter((name) => !existsSync(path.join(root, name)))).toEqual([]);
});
