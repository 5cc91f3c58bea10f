import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { sqlDir } from '../../src/postgres/install/migration-files.js';

// Goal: a migration that databases out there have run never changes, and each has a number of its own.

/** As `sha256sum` writes it. A release adds its new files: `cd sql && sha256sum NN_*.sql >> applied.sha256`. */
async function readApplied(): Promise<Map<string, string>> {
  const lines = (await readFile(path.join(sqlDir, 'applied.sha256'), 'utf8')).trimEnd().split('\n');
  return new Map(lines.map((line) => [line.slice(66), line.slice(0, 64)]));
}

async function readNames(): Promise<string[]> {
  return (await readdir(sqlDir)).filter((name) => name.endsWith('.sql'));
}

it('has migrations numbered from 1 without a gap, each name once', async () => {
  const names = await readNames();
  const places = names.map((name) => Number(/^([1-9]\d*)_[a-z0-9_]+\.sql$/.exec(name)?.[1]));
  expect(places.sort((a, b) => a - b)).toEqual(names.map((_, place) => place + 1));
  const topics = names.map((name) => name.replace(/^\d+_/, ''));
  expect(topics.filter((topic, place) => topics.indexOf(topic) !== place)).toEqual([]);
});

it('leaves applied migrations as they were', async () => {
  const applied = await readApplied();
  expect(applied.size).toBeGreaterThanOrEqual(32);
  for (const [name, hash] of applied) {
    const found = createHash('sha256').update(await readFile(path.join(sqlDir, name)));
    expect(`${found.digest('hex')}  ${name}`).toBe(`${hash}  ${name}`);
  }
});

it('knows the oldest ones as applied, without a gap', async () => {
  const places = [...(await readApplied()).keys()].map((name) => Number.parseInt(name, 10));
  expect(places).toEqual(places.map((_, place) => place + 1));
});
