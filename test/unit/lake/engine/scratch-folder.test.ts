import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openEngine } from '../../../../src/lake/engine/duckdb-engine.js';
import { ScratchFolder } from '../../../../src/lake/engine/scratch-folder.js';

// Goal: a process that runs for months keeps its folder for temporary files, whoever cleans up, and takes away only those of
// processes that are surely gone.

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(path.join(tmpdir(), 'scratch-'));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

/** A folder as a killed process leaves it. */
function leftOver(owner: string | null, ageMs: number): string {
  const folder = path.join(parent, 'synced-tables-4194999-abc');
  mkdirSync(folder);
  if (owner !== null) writeFileSync(path.join(folder, 'owner'), owner);
  const at = new Date(Date.now() - ageMs);
  utimesSync(folder, at, at);
  return folder;
}

it('is made anew for an engine whose folder was taken away', async () => {
  await using engine = await openEngine({ temporaryFolder: parent, memoryLimitMb: 64 });
  rmSync(engine.scratchFolder, { recursive: true });
  const connection = await engine.connect();
  try {
    // More than fits into memory: it spills.
    await connection.run(
      'create temp table t as select range as i, repeat(range::varchar, 20) as s from range(1000000)',
    );
    const sorted = await connection.runAndReadAll('select count(*) from (select * from t order by s, i) limit 1');
    expect(sorted.getRowsJson()).toEqual([['1000000']]);
  } finally {
    connection.closeSync();
  }
  expect(existsSync(engine.scratchFolder)).toBe(true);
});

it('leaves the folder of a process that it cannot see, until that has been silent for long', () => {
  const folder = leftOver('another machine, or another container', 60_000);
  using _first = new ScratchFolder(parent);
  expect(existsSync(folder)).toBe(true);
  const longAgo = new Date(Date.now() - 2 * 3_600_000);
  utimesSync(folder, longAgo, longAgo);
  using _second = new ScratchFolder(parent);
  expect(existsSync(folder)).toBe(false);
});

it('takes away at once what a process of its own place has left, and nothing of a living one', () => {
  using living = new ScratchFolder(parent);
  const owner = path.join(living.path, 'owner');
  const folder = leftOver(null, 0);
  writeFileSync(path.join(folder, 'owner'), readFileSync(owner));
  using _ = new ScratchFolder(parent);
  expect(existsSync(folder)).toBe(false);
  expect(existsSync(living.path)).toBe(true);
  expect(readdirSync(living.path).sort()).toEqual(['owner']);
});
