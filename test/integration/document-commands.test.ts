import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { runCli } from '../support/run-cli.js';
import { fencedBlocks, runnableBlocks } from '../support/runnable-document.js';

// Goal: every command line of ours that a document shows has commands and options that there are; what a document marks as
// runnable is run by test/integration/documents-run.test.ts.

const root = path.resolve(import.meta.dirname, '../..');
const documents = [
  'README.md',
  'docker/README.md',
  ...['guides', 'reference'].flatMap((folder) => {
    return readdirSync(path.join(root, 'docs', folder)).map((name) => `docs/${folder}/${name}`);
  }),
];

/** The arguments of each call of ours in the shell blocks of a document; parts in brackets or alternatives are left out. */
function callsIn(document: string): string[][] {
  return fencedBlocks(document)
    .filter(({ language }) => ['sh', 'bash', 'shell', 'console'].includes(language))
    .flatMap(({ text }) => text.replaceAll('\\\n', ' ').split('\n'))
    .flatMap((line) => [
      ...line.replace(/(^|\s)#.*$/, '').matchAll(/(?<!--namespace )(?<![\w-])synced-tables ([a-z][^|;&)]*)/g),
    ])
    .map(([, args = '']) => args.trim().split(/\s+/))
    .filter(([word = '']) => /^[a-z]+$/.test(word));
}

/** What may follow each command, as a shell is told that completes them. */
async function knownWords(): Promise<ReadonlyMap<string, readonly string[]>> {
  const { stdout } = await runCli(['completion', 'bash']);
  return new Map(
    [...stdout.matchAll(/"([a-z ]*)"\) words="([^"]*)"/g)].map(([, path = '', words = '']) => [path, words.split(' ')]),
  );
}

function faultOf(words: ReadonlyMap<string, readonly string[]>, args: readonly string[]): string | null {
  let path = '';
  for (const word of args) {
    const longer = path === '' ? word : `${path} ${word}`;
    if (!words.has(longer)) break;
    path = longer;
  }
  if (path === '') return `no command ${args[0]}`;
  const given = args.filter((word) => word.startsWith('--')).map((word) => word.split('=')[0] ?? '');
  const unknown = given.filter((option) => !words.get(path)?.includes(option));
  return unknown.length === 0 ? null : `${path} has no ${unknown.join(', ')}`;
}

it('shows no command and no option that is not there', async () => {
  const words = await knownWords();
  expect(words.size).toBeGreaterThan(20);
  const calls = documents.flatMap((document) => callsIn(document).map((args) => ({ document, args })));
  expect(calls.length).toBeGreaterThan(20);
  const faults = calls.flatMap(({ document, args }) => {
    const fault = faultOf(words, args);
    return fault === null ? [] : [`${document}: synced-tables ${args.join(' ')}: ${fault}`];
  });
  expect(faults).toEqual([]);
});

it('marks the commands of the README as runnable, but for the ones that try and test the project', () => {
  const blocks = fencedBlocks('README.md').filter(({ language }) => ['sh', 'sql', 'yaml'].includes(language));
  const others = blocks.filter(({ text }) => !runnableBlocks('README.md').some((block) => block.text === text));
  expect(others.map(({ text }) => text.split('\n')[0])).toEqual([
    'npm ci && npm run quickstart',
    'npm run quickstart -- --once',
    'npm ci && npm test',
  ]);
});
