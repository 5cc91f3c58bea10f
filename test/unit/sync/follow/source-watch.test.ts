import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ChangeFeed } from '../../../../src/lake/changes/change-relation.js';
import { localFileStore } from '../../../../src/lake/storage/local-file-store.js';
import { SourceWatch } from '../../../../src/sync/follow/source-watch.js';

// Goal: a followed table that lies on a local disk tells of its commits, also after another one has taken its place.

let root: string;
let hints: number;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'test-watch-'));
  hints = 0;
  makeTable('t');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const logOf = (table: string): string => path.join(root, table, '_delta_log');
const makeTable = (table: string): unknown => mkdirSync(logOf(table), { recursive: true });
const commit = (version: number): void => writeFileSync(path.join(logOf('t'), `${version}.json`), '{}');

/** Of the table's folder as it is; nothing else is asked of it. */
function openWatch(): Promise<SourceWatch> {
  const watch = (onHint: () => void) => localFileStore.watch?.(logOf('t'), onHint);
  return SourceWatch.open({ watch } as unknown as ChangeFeed, () => hints++);
}

async function isHinted(): Promise<void> {
  await expect.poll(() => hints, { timeout: 20_000, interval: 5 }).toBeGreaterThan(0);
  hints = 0;
}

const found = (isNews: boolean) => async () => isNews;
const onLinux = it.runIf(process.platform === 'linux');

onLinux('tells of each commit', async () => {
  using watch = await openWatch();
  expect(watch).toMatchObject({ isLocal: true, seesAll: true });
  commit(1);
  await isHinted();
  expect(await watch.look(found(true))).toBe(true);
  expect(await watch.look(found(false))).toBe(false);
  commit(2);
  await isHinted();
});

onLinux('watches the table that has taken its place, once a look has found news untold', async () => {
  using watch = await openWatch();
  await watch.look(found(true));
  makeTable('new');
  renameSync(path.join(root, 't'), path.join(root, 'old'));
  renameSync(path.join(root, 'new'), path.join(root, 't'));
  commit(1);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(hints).toBe(0);
  expect(await watch.look(found(true))).toBe(true);
  expect(watch.seesAll).toBe(true);
  commit(2);
  await isHinted();
});

onLinux('claims to see nothing more when its folder is gone, says so, and recovers', async () => {
  using watch = await openWatch();
  await watch.look(found(true));
  rmSync(path.join(root, 't'), { recursive: true });
  await isHinted();
  expect(watch.seesAll).toBe(false);
  await watch.look(found(false));
  makeTable('t');
  commit(1);
  await watch.look(found(true));
  expect(watch.seesAll).toBe(true);
  commit(2);
  await isHinted();
});

it('does not claim to see what cannot be watched', async () => {
  rmSync(path.join(root, 't'), { recursive: true });
  using watch = await openWatch();
  expect(watch).toMatchObject({ isLocal: false, seesAll: false });
});
