import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../core/errors.js';
import { prepareCluster } from './cluster.js';
import { placeExtensionFiles } from './extension-files.js';
import { findFreePort } from './free-port.js';
import type { EmbeddedMajor } from './postgres-package.js';
import { Postmaster, type StopMode } from './postmaster.js';
import { isPostgresProcess, readPostmasterFile } from './postmaster-file.js';
import { findServerAccount, type ServerAccount } from './server-account.js';
import { prepareServerBinaries, type ServerBinaries } from './server-binaries.js';

/** A running embedded PostgreSQL server. Disposing of it is a fast stop. */
export interface EmbeddedPostgres extends AsyncDisposable {
  /** Connects as superuser `postgres` to database `postgres` over TCP; holds the password. */
  readonly url: string;
  readonly port: number;
  readonly major: EmbeddedMajor;
  readonly dataDir: string;
  /** What pg_config calls SHAREDIR; extension scripts live in its folder `extension`. */
  readonly shareDir: string;
  /** Stops the server: `fast` (default) in order, `immediate` without a checkpoint. Takes at most about 45 seconds. */
  stop(mode?: StopMode): Promise<void>;
  /** Kills the server as a crash would (SIGKILL); for fault tests. */
  kill(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  readonly major?: EmbeddedMajor;
  /** Becomes a cluster if missing or empty; reused if it holds one of that major. */
  readonly dataDir: string;
  /** Default: any free one. */
  readonly port?: number | undefined;
  /** How the user sets the port; shown in PORT_TAKEN. */
  readonly portOption?: string;
  /** Server settings, as with `postgres -c`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Receives each line of the server's log. */
  readonly log?: (line: string) => void;
  /** Aborts the start, not the started server. */
  readonly signal?: AbortSignal | undefined;
}

/** Crash recovery of a large cluster takes minutes; a server that is silent for longer than this is broken. */
const startMsLimit = 300_000;
const readyPollMs = 20;
/** Attempts with a new free port if another program takes the one just found. */
const freePortTriesLimit = 5;
/** How long to wait for the remains of a killed server: its backends end with their statement. */
const remainsMsLimit = 30_000;
const remainsPollMs = 100;

/** The server's log must not hold row values: no statements, no details ("Key (id)=(…) already exists"). */
const quietSettings = { log_error_verbosity: 'terse', log_min_error_statement: 'panic', lc_messages: 'C' };

/**
 * Starts a PostgreSQL server from the binaries that npm ships, listening on 127.0.0.1 only, with a random password. It
 * ends with `stop()`, and automatically when our process ends in any way.
 * @throws PORT_TAKEN, DATA_DIR_IN_USE, DATA_DIR_OTHER_MAJOR, DATA_DIR_UNUSABLE, EMBEDDED_POSTGRES_MISSING,
 *   EMBEDDED_POSTGRES_FAILED; the signal's reason
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { major = 18, signal } = options;
  const dataDir = path.resolve(options.dataDir);
  signal?.throwIfAborted();
  const account = findServerAccount(dataDir);
  const binaries = await prepareServerBinaries({ major, account });
  await placeExtensionFiles(binaries.shareDir);
  const password = await prepareCluster({ major, dataDir, binDir: binaries.binDir, account, signal });
  const launch: Launch = { ...options, major, dataDir, account, binaries };
  const { postmaster, port } = await launchOnPort(launch);
  const stop = (mode: StopMode = 'fast'): Promise<void> => postmaster.stop(mode);
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    port,
    major,
    dataDir,
    shareDir: binaries.shareDir,
    stop,
    kill: () => postmaster.kill(),
    [Symbol.asyncDispose]: () => stop(),
  };
}

interface Launch extends EmbeddedPostgresOptions {
  readonly major: EmbeddedMajor;
  readonly account: ServerAccount | null;
  readonly binaries: ServerBinaries;
}

async function launchOnPort(launch: Launch): Promise<{ postmaster: Postmaster; port: number }> {
  for (let tries = 1; ; tries++) {
    const port = launch.port ?? (await findFreePort());
    try {
      return { postmaster: await launchPatiently(launch, port), port };
    } catch (error) {
      const isTaken = asSyncedTablesError(error)?.code === 'PORT_TAKEN';
      if (!isTaken || launch.port !== undefined || tries === freePortTriesLimit) throw error;
    }
  }
}

/** Launches, and retries while removable traces of a crashed server are in the way. */
async function launchPatiently(launch: Launch, port: number): Promise<Postmaster> {
  const deadline = performance.now() + remainsMsLimit;
  for (;;) {
    const postmaster = startProcess(launch, port);
    try {
      if (await becomesReady(postmaster, launch)) return postmaster;
    } catch (error) {
      await postmaster.stop('immediate');
      throw error;
    }
    const text = postmaster.lastLines.join('\n');
    const isLocked = /lock file "postmaster\.pid" already exists/.test(text);
    if (isLocked) await removeStaleLock(launch.dataDir);
    const mayPass = isLocked || /pre-existing shared memory block/.test(text);
    if (!mayPass || performance.now() > deadline) throw startError(launch, port, text);
    await sleep(remainsPollMs, undefined, { signal: launch.signal });
  }
}

function startProcess({ account, binaries, dataDir, settings, log }: Launch, port: number): Postmaster {
  // No Unix socket: its path would be limited to about 100 bytes, and nobody needs it.
  const all = { ...quietSettings, ...settings, listen_addresses: '127.0.0.1', unix_socket_directories: '' };
  const args = ['-D', dataDir, '-p', String(port)];
  for (const [name, value] of Object.entries(all)) args.push('-c', `${name}=${value}`);
  return new Postmaster({ program: path.join(binaries.binDir, 'postgres'), args, account, log: log ?? (() => {}) });
}

/** Waits until the server accepts connections; false if it ended instead. */
async function becomesReady(postmaster: Postmaster, { dataDir, major, signal }: Launch): Promise<boolean> {
  // A crashed server's file may hold our process number (containers repeat them), but not our time; pg_ctl allows 2 s.
  const startedAtSeconds = Date.now() / 1000 - 2;
  const deadline = performance.now() + startMsLimit;
  while (!postmaster.hasEnded) {
    signal?.throwIfAborted();
    const file = await readPostmasterFile(dataDir);
    const isOurs = file?.pid === postmaster.pid && (file?.startedAtSeconds ?? 0) >= startedAtSeconds;
    if (isOurs && file?.isReady && !postmaster.hasEnded) return true;
    if (performance.now() > deadline) {
      const reason = `it was not ready after ${startMsLimit / 1000} seconds`;
      throw syncedTablesError('EMBEDDED_POSTGRES_FAILED', { major, reason });
    }
    await Promise.race([sleep(readyPollMs), postmaster.ended]);
  }
  await postmaster.ended;
  return false;
}

/** Removes the lock file of a dead server whose process number now belongs to another program. */
async function removeStaleLock(dataDir: string): Promise<void> {
  const file = await readPostmasterFile(dataDir);
  if (file === null) return; // the other server has just ended
  if (await isPostgresProcess(file.pid)) throw syncedTablesError('DATA_DIR_IN_USE', { dir: dataDir, pid: file.pid });
  await rm(path.join(dataDir, 'postmaster.pid'), { force: true });
}

function startError({ major, portOption = '--port' }: Launch, port: number, text: string): SyncedTablesError {
  if (/could not bind .*Address already in use/.test(text)) {
    return syncedTablesError('PORT_TAKEN', { port, option: portOption });
  }
  if (/could not bind .*Permission denied/.test(text)) {
    return syncedTablesError('PORT_NOT_ALLOWED', { port, option: portOption });
  }
  const fatal = text.split('\n').filter((line) => /FATAL|PANIC|ERROR|error/.test(line));
  const reason = (fatal.length > 0 ? fatal : text.split('\n')).slice(-3).join(' ') || 'it ended without a message';
  return syncedTablesError('EMBEDDED_POSTGRES_FAILED', { major, reason });
}
