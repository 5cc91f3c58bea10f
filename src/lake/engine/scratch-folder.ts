import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'synced-tables-';
const NAME = /^synced-tables-(\d+)-/;
/** Says where its process runs. */
const OWNER_FILE = 'owner';
const HEARTBEAT_MS = 60_000;
/** Without a sign of life for so long, a folder of a process that cannot be looked at counts as abandoned. */
const SILENT_MS_MAX = 3_600_000;

/** True for an error of the system about a scratch folder: our own disk, not the source's. */
export function isAboutScratch(error: { readonly path?: string | undefined }): boolean {
  return error.path?.split('/').some((part) => NAME.test(part)) === true;
}

/**
 * A folder of this process for what the engine spills and for files on their way. It lives as long as the process, which
 * may be months: something that cleans up temporary files may take it away, so it is made anew when it is used.
 */
export class ScratchFolder implements Disposable {
  readonly path: string;
  readonly #heart: NodeJS.Timeout;

  constructor(parent: string) {
    mkdirSync(parent, { recursive: true });
    removeAbandoned(parent);
    this.path = mkdtempSync(join(parent, `${PREFIX}${process.pid}-`));
    this.ensure();
    this.#heart = setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
  }

  /** Makes the folder anew if it is gone. */
  ensure(): void {
    const owner = join(this.path, OWNER_FILE);
    if (existsSync(owner)) return;
    mkdirSync(this.path, { recursive: true });
    writeFileSync(owner, whereWeRun());
  }

  /** For those who clean up, and for other sidecars with the same temporary folder. */
  #beat(): void {
    try {
      this.ensure();
      utimesSync(this.path, new Date(), new Date());
    } catch {
      // Whoever uses the folder next reports what is wrong with it.
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#heart);
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Removes the folders of processes that were killed: spilled data may be large. */
function removeAbandoned(parent: string): void {
  for (const name of readdirSync(parent)) {
    const pid = NAME.exec(name)?.[1];
    if (!pid) continue;
    // Another user's folder, or one that another process is removing right now: skip it.
    try {
      const folder = join(parent, name);
      if (isAbandoned(folder, Number(pid))) rmSync(folder, { recursive: true, force: true });
    } catch {}
  }
}

/** In another container or on another machine, the number of a process says nothing. */
function isAbandoned(folder: string, pid: number): boolean {
  if (ownerOf(folder) === whereWeRun()) return !isAlive(pid);
  return Date.now() - statSync(folder).mtimeMs > SILENT_MS_MAX;
}

function ownerOf(folder: string): string | null {
  try {
    return readFileSync(join(folder, OWNER_FILE), 'utf8');
  } catch {
    return null;
  }
}

/** Same text, same numbers of processes: the machine since it was started, and the PID namespace. */
function whereWeRun(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
