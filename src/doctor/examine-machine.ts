import { execFile } from 'node:child_process';
import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import type { Finding } from '../core/finding.js';
import type { Settings } from '../settings/settings-schema.js';
import { finding } from './finding.js';
import { formatBytes } from './format-bytes.js';

const SUBJECT = 'machine';
const NODE_NEEDED = '20.19';
const BYTES_PER_MB = 1024 * 1024;
/** What the engine may spill, plus some slack. */
const SPILL_BYTES = 1024 * BYTES_PER_MB;

/** Examines Node, the temporary folder with its disk, and the program that makes named pipes. */
export async function examineMachine(settings: Settings | null): Promise<Finding[]> {
  const findings = [...checkNode(process.versions.node), ...(await checkPipes())];
  const folder = settings?.engine.temporary_folder ?? tmpdir();
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [...findings, finding('TEMPORARY_FOLDER_UNUSABLE', SUBJECT, { folder, reason })];
  }
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const needed = settings === null ? SPILL_BYTES : bytesNeeded(settings);
  const details = { folder, free: formatBytes(free), needed: formatBytes(needed), node: process.versions.node };
  return [...findings, finding(free < needed ? 'DISK_SPACE_LOW' : 'MACHINE_READY', SUBJECT, details)];
}

function checkNode(found: string): Finding[] {
  const numbers = (version: string) => version.split('.').map(Number);
  const [major = 0, minor = 0] = numbers(found);
  const [neededMajor = 0, neededMinor = 0] = numbers(NODE_NEEDED);
  const isEnough = major > neededMajor || (major === neededMajor && minor >= neededMinor);
  return isEnough ? [] : [finding('NODE_TOO_OLD', SUBJECT, { found, needed: NODE_NEEDED })];
}

/** Kinds of catalogs whose tables are elsewhere. */
const FETCHED: ReadonlySet<string> = new Set(['unity', 'iceberg', 'delta_sharing']);

/** Only tables in object stores need a spool. */
function bytesNeeded({ catalogs, storage, sync }: Settings): number {
  const isRemote = Object.values(catalogs).some((catalog) => {
    return FETCHED.has(catalog.kind) || ('root' in catalog && catalog.root.includes('://'));
  });
  return SPILL_BYTES + (isRemote ? storage.spool_mb * BYTES_PER_MB * sync.concurrent_updates : 0);
}

async function checkPipes(): Promise<Finding[]> {
  try {
    await promisify(execFile)('mkfifo', ['--version']);
    return [];
  } catch (error) {
    // BSD's mkfifo rejects --version, which proves that it exists.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return [];
    return [finding('PROGRAM_MISSING', SUBJECT, { program: 'mkfifo', reason: 'it is not on PATH' })];
  }
}
