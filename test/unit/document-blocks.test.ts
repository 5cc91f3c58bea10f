import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { checkSettings } from '../../src/settings/load-settings.js';
import { settingsSchema } from '../../src/settings/settings-schema.js';
import { fencedBlocks, runnableBlocks, unprovenBlocks, userDocuments } from '../support/runnable-document.js';

// Goal: no document shows a command that nobody has tried: each is run by a test, or says why not; settings are those that
// there are; and every page is found from the list of pages.

const root = path.resolve(import.meta.dirname, '../..');
const documents = userDocuments();

const POSTGRES_URL = 'postgres://app@localhost/app';

/** A value such as a variable of that name has. */
function filledIn(_reference: string, name: string): string {
  if (name === 'WEBHOOK_URL') return 'https://example.com/hook';
  return name.endsWith('URL') ? POSTGRES_URL : 'a-secret-of-more-than-thirty-two-letters';
}

it('has each command run by a test, or a reason why it is not', () => {
  expect(documents.length).toBeGreaterThan(20);
  const commands = documents.flatMap((document) => runnableBlocks(document));
  expect(commands.length).toBeGreaterThan(60);
  const unproven = documents.flatMap((document) =>
    unprovenBlocks(document).map(
      ({ language, mark, text }) => `${document}: ${language} ${mark}: ${text.split('\n')[0]}`,
    ),
  );
  expect(unproven).toEqual([]);
});

it('names each document that has something to run in a test that runs it', () => {
  const folder = path.join(root, 'test/integration');
  const tests = readdirSync(folder)
    .map((name) => readFileSync(path.join(folder, name), 'utf8'))
    .filter((text) => /runnableBlocks|DocumentWalk/.test(text));
  const runnable = documents.filter((document) => runnableBlocks(document).length > 0);
  expect(runnable.filter((document) => !tests.some((text) => text.includes(`'${document}'`)))).toEqual([]);
});

it('points from a command that is not run to tests that there are', () => {
  const reasons = documents.flatMap((document) =>
    fencedBlocks(document).map(({ mark }) => ({ document, mark, files: mark.match(/test\/[\w./-]+\w/g) ?? [] })),
  );
  const files = reasons.flatMap(({ files: named }) => named);
  expect(files.length).toBeGreaterThan(5);
  expect(files.filter((file) => readFileSync(path.join(root, file), 'utf8').length === 0)).toEqual([]);
});

it('shows settings that there are', () => {
  const sections = Object.keys(settingsSchema.shape);
  const shown = documents.flatMap((document) =>
    fencedBlocks(document)
      .filter(({ language }) => language === 'yaml')
      .map(({ text }) => ({
        document,
        text,
        settings: parse(text.replaceAll(/\$\{(\w+)\}/g, filledIn), { stringKeys: true }) as object,
      }))
      .filter(({ settings }) => Object.keys(settings).every((key) => sections.includes(key))),
  );
  expect(shown.length).toBeGreaterThan(8);
  const instances = { local: { url: POSTGRES_URL } };
  const wrong = shown.flatMap(({ document, text, settings }) => {
    try {
      checkSettings({ instances, ...settings });
      return [];
    } catch (error) {
      return [`${document}:\n${text}${(error as AggregateError).errors.join('\n')}`];
    }
  });
  expect(wrong).toEqual([]);
});

it('lists every guide and reference in docs/README.md', () => {
  const text = readFileSync(path.join(root, 'docs/README.md'), 'utf8');
  const linked = new Set([...text.matchAll(/\]\(([^)#]+)/g)].map(([, to = '']) => path.join('docs', to)));
  const missing = documents.filter((document) => document.startsWith('docs/') && !linked.has(document));
  expect(missing).toEqual([]);
});
