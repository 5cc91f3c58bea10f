import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { asSyncedTablesError } from '../../src/core/errors.js';
import { makeNativeLinks } from '../../src/embedded/native-links.js';
import { findPostgresPackage } from '../../src/embedded/postgres-package.js';
import { findServerAccount } from '../../src/embedded/server-account.js';
import { prepareServerBinaries } from '../../src/embedded/server-binaries.js';

// Goal: the binaries run however npm left them: without links, read-only, or in a folder closed to the server's user.

const major = 18;
let root: string;
let nativeDir: string;
let cacheDir: string;

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'server-binaries-'));
  await chmod(root, 0o755);
  cacheDir = path.join(root, 'cache');
  nativeDir = path.join(root, 'package', 'native');
  await cp(findPostgresPackage(major).nativeDir, nativeDir, { recursive: true, verbatimSymlinks: true });
  for (const target of await linkTargets()) await rm(target, { force: true });
});

afterEach(async () => {
  await chmod(path.join(nativeDir, 'lib'), 0o755);
  await rm(root, { recursive: true, force: true });
});

async function linkTargets(): Promise<string[]> {
  const listed = JSON.parse(await readFile(path.join(nativeDir, 'pg-symlinks.json'), 'utf8')) as { target: string }[];
  return listed.map(({ target }) => path.join(nativeDir, '..', target));
}

function prepare() {
  const found = { nativeDir, buildName: 'test-build' };
  return prepareServerBinaries({ major, account: findServerAccount(root), found, cacheDirs: [cacheDir] });
}

it('makes the missing links once, also when several processes do it at the same time', async () => {
  await Promise.all([makeNativeLinks(nativeDir), makeNativeLinks(nativeDir), makeNativeLinks(nativeDir)]);
  const targets = await linkTargets();
  expect(targets.length).toBeGreaterThan(5);
  for (const target of targets) expect((await stat(target)).isFile()).toBe(true);
  expect((await readdir(path.join(nativeDir, 'lib'))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

it('runs the binaries where they are when links can be made', async () => {
  expect((await prepare()).binDir).toBe(path.join(nativeDir, 'bin'));
});

it.runIf(process.getuid?.() === 0)('runs a copy when the folder is closed to the user of the server', async () => {
  await chmod(path.dirname(nativeDir), 0o700);
  await chmod(path.join(nativeDir, 'share'), 0o700);
  const [first, second] = await Promise.all([prepare(), prepare()]);
  expect(first.binDir).toBe(path.join(cacheDir, 'postgres-test-build', 'bin'));
  expect(second).toEqual(first);
  expect((await stat(first.shareDir)).mode & 0o755).toBe(0o755);
  expect(await readdir(cacheDir)).toEqual(['postgres-test-build']);
});

it.runIf(process.getuid?.() !== 0)('runs a copy when links are missing and the folder is read-only', async () => {
  await chmod(path.join(nativeDir, 'lib'), 0o555);
  expect((await prepare()).binDir).toBe(path.join(cacheDir, 'postgres-test-build', 'bin'));
});

it('does not run programs from a cache folder that others may write', async () => {
  await rm(path.join(nativeDir, 'bin', 'postgres'));
  await mkdir(cacheDir);
  await chmod(cacheDir, 0o777);
  const error = asSyncedTablesError(await prepare().catch((reason: unknown) => reason));
  expect(error?.code).toBe('EMBEDDED_POSTGRES_FAILED');
  expect(error?.message).toContain('can be written by others');
});
