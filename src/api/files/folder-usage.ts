import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';

/** Files and folders, and their bytes. */
export interface Usage {
  files: number;
  bytes: number;
}

/** What others add to the same folder is noticed after this time. */
const KNOWN_FOR_MS = 30_000;
const FOLDERS_KNOWN_MAX = 1_000;

/** How much there is in folders, counted anew now and then. */
export class FolderUsage {
  readonly #known = new Map<string, { readonly usage: Usage; readonly countedAt: number }>();

  /** What there is below a folder; callers add what they write. */
  async of(folder: string): Promise<Usage> {
    const known = this.#known.get(folder);
    if (known && performance.now() - known.countedAt < KNOWN_FOR_MS) return known.usage;
    const usage = await count(folder);
    if (this.#known.size >= FOLDERS_KNOWN_MAX) this.#known.clear();
    this.#known.set(folder, { usage, countedAt: performance.now() });
    return usage;
  }

  /** Has a folder counted anew before the next write. */
  forget(folder: string): void {
    this.#known.delete(folder);
  }
}

async function count(folder: string): Promise<Usage> {
  const usage = { files: 0, bytes: 0 };
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(ignoreMissing);
  for (const entry of entries ?? []) {
    usage.files += 1;
    if (!entry.isFile()) continue;
    usage.bytes += (await lstat(path.join(entry.parentPath, entry.name)).catch(ignoreMissing))?.size ?? 0;
  }
  return usage;
}

/** What goes while it is counted needs no counting. */
function ignoreMissing(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error;
}
