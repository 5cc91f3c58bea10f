import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

/** What a running server writes to postmaster.pid in its data folder. */
export interface PostmasterFile {
  readonly pid: number;
  /** When that server started, in seconds since 1970. */
  readonly startedAtSeconds: number;
  /** True once it takes connections; pg_ctl waits for the same word. */
  readonly isReady: boolean;
}

/** Reads postmaster.pid; null if there is none or it is being written. */
export async function readPostmasterFile(dataDir: string): Promise<PostmasterFile | null> {
  let text: string;
  try {
    text = await readFile(path.join(dataDir, 'postmaster.pid'), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  const lines = text.split('\n');
  const pid = Math.abs(Number(lines[0]));
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  // Lines 3 and 8: LOCK_FILE_LINE_START_TIME and LOCK_FILE_LINE_PM_STATUS of the server's sources.
  return { pid, startedAtSeconds: Number(lines[2]), isReady: lines[7]?.trim() === 'ready' };
}

/**
 * Whether process `pid` is a PostgreSQL server. After a crash its number may belong to any program (in a container the
 * numbers even repeat), and the server itself then refuses to start.
 */
export async function isPostgresProcess(pid: number): Promise<boolean> {
  try {
    if (process.platform === 'linux') {
      const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8');
      return path.basename(commandLine.split('\0')[0] ?? '').startsWith('postgres');
    }
    const { stdout } = await promisify(execFile)('ps', ['-o', 'comm=', '-p', String(pid)]);
    return path.basename(stdout.trim()).startsWith('postgres');
  } catch {
    return false; // no such process
  }
}
