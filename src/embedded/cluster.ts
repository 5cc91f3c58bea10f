import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { syncedTablesError } from '../core/errors.js';
import type { EmbeddedMajor } from './postgres-package.js';
import { canEnter, runAs, type ServerAccount } from './server-account.js';

/**
 * Kept in the data folder rather than beside it: the cluster and its password then appear in one rename, and neither
 * a crash nor two processes at once can leave a cluster whose password nobody knows.
 */
const passwordFileName = 'synced-tables-superuser-password';

/** System errors that mean the folder is unsuitable, not that something broke. EBUSY: it is a mount point. */
const folderFaults: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'EBUSY']);

export interface ClusterOptions {
  readonly major: EmbeddedMajor;
  readonly dataDir: string;
  readonly binDir: string;
  readonly account: ServerAccount | null;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Creates a cluster in `dataDir` if the folder is missing or empty, otherwise checks that the cluster there is ours.
 * @returns the password of the superuser `postgres`
 * @throws DATA_DIR_OTHER_MAJOR, DATA_DIR_UNUSABLE, EMBEDDED_POSTGRES_FAILED
 */
export async function prepareCluster(options: ClusterOptions): Promise<string> {
  const { dataDir, major } = options;
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o755 });
    await assertReachable(options);
    if ((await readdir(dataDir)).length === 0) await initializeCluster(options);
    return await readCluster(dataDir, major);
  } catch (error) {
    if (!folderFaults.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    throw syncedTablesError('DATA_DIR_UNUSABLE', { dir: dataDir, reason: (error as Error).message }, error);
  }
}

async function assertReachable({ dataDir, account }: ClusterOptions): Promise<void> {
  const parent = path.dirname(dataDir);
  if (account === null || (await canEnter(parent, account))) return;
  throw syncedTablesError('DATA_DIR_UNUSABLE', {
    dir: dataDir,
    reason: `PostgreSQL does not run as root, and user ${account.name} may not enter ${parent}`,
  });
}

async function readCluster(dataDir: string, major: EmbeddedMajor): Promise<string> {
  const found = await readFileOrNull(path.join(dataDir, 'PG_VERSION'));
  if (found === null) {
    throw syncedTablesError('DATA_DIR_UNUSABLE', { dir: dataDir, reason: 'it holds files that are not a cluster' });
  }
  if (found.trim() !== String(major)) {
    throw syncedTablesError('DATA_DIR_OTHER_MAJOR', { dir: dataDir, found: found.trim(), wanted: major });
  }
  const password = await readFileOrNull(path.join(dataDir, passwordFileName));
  if (password !== null) return password.trim();
  throw syncedTablesError('DATA_DIR_UNUSABLE', { dir: dataDir, reason: 'synced-tables did not make its cluster' });
}

async function readFileOrNull(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Builds the cluster in a folder beside `dataDir` and renames it, so that an interrupted initdb leaves no partial
 * cluster.
 */
async function initializeCluster(options: ClusterOptions): Promise<void> {
  const { dataDir, account } = options;
  const unfinished = `${dataDir}.${randomBytes(6).toString('hex')}.new`;
  const passwordFile = `${unfinished}.password`;
  try {
    await mkdir(unfinished, { mode: 0o700 });
    await writeFile(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
    if (account !== null) {
      await chown(unfinished, account.uid, account.gid);
      await chown(passwordFile, account.uid, account.gid);
    }
    await runInitdb(options, unfinished, passwordFile);
    await rename(passwordFile, path.join(unfinished, passwordFileName));
    await rename(unfinished, dataDir);
  } catch (error) {
    await rm(passwordFile, { force: true });
    await rm(unfinished, { recursive: true, force: true });
    // Another process was first: its cluster is as good as ours.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}

async function runInitdb(
  { binDir, account, major, signal }: ClusterOptions,
  dataDir: string,
  passwordFile: string,
): Promise<void> {
  const args = ['--pgdata', dataDir, '--username=postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  args.push('--no-locale', '--encoding=UTF8', '--no-instructions');
  try {
    await promisify(execFile)(path.join(binDir, 'initdb'), args, { ...runAs(account), signal });
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    const { message, stderr } = error as Error & { stderr?: string };
    const reason = `initdb: ${(stderr?.trim() || message).split('\n').slice(0, 3).join(' ')}`;
    throw syncedTablesError('EMBEDDED_POSTGRES_FAILED', { major, reason }, error);
  }
}
