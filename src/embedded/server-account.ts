import { execFile, execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

/** The operating system user that runs the server. */
export interface ServerAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Who may run the server if we are root, which PostgreSQL refuses; the first one found wins. */
const accountNames = ['postgres', '_postgres', 'nobody'] as const;

/** What server processes see: no PG… variables, one locale (macOS refuses to start without one), one time zone. */
const serverEnvironment: NodeJS.ProcessEnv = {
  PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin',
  LANG: 'C',
  LC_ALL: 'C',
  TZ: 'UTC',
};

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * The account for server processes; null if they run as the current user. A cluster created by an ordinary user keeps
 * that user, so that root does not take it away.
 */
export function findServerAccount(dataDir: string): ServerAccount | null {
  if (!isRoot()) return null;
  const owner = statSync(path.join(dataDir, 'PG_VERSION'), { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { name: `with id ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  for (const name of accountNames) {
    const uid = readId('-u', name);
    const gid = readId('-g', name);
    if (uid !== null && gid !== null && uid !== 0) return { name, uid, gid };
  }
  throw new Error(`none of the users ${accountNames.join(', ')} exists, and PostgreSQL refuses to run as root`);
}

function readId(flag: '-u' | '-g', name: string): number | null {
  try {
    // | 0 turns 4294967294, the "nobody" of macOS, into the -2 that spawn accepts.
    return Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })) | 0;
  } catch {
    return null; // id ends with 1 when the user does not exist
  }
}

/** Options for spawn and execFile that make a process run as `account`. */
export function runAs(account: ServerAccount | null) {
  // The account may be unable to enter the current folder, and the server asks for its name.
  const base = { cwd: '/', env: serverEnvironment };
  return account === null ? base : { ...base, uid: account.uid, gid: account.gid };
}

/** Whether `account` can enter all folders down to `folder`. */
export async function canEnter(folder: string, account: ServerAccount | null): Promise<boolean> {
  try {
    await promisify(execFile)('/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder], runAs(account));
    return true;
  } catch {
    return false;
  }
}
