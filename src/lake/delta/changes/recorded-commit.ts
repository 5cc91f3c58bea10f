import type { FileAction } from '../log/action.js';

/** A data file that a commit added or removed, and how many of its rows that concerns. */
export interface CountedFile {
  readonly path: string;
  /** Rows of the file, dead ones included, as the log says; null if it does not. */
  readonly rowCount: number | null;
  /** Rows that its deletion vector takes out. */
  readonly deadRows: bigint;
}

/** What a commit with change files did to the files of the table: its other account of the same changes. */
export interface RecordedCommit {
  readonly version: bigint;
  readonly gained: readonly CountedFile[];
  readonly lost: readonly CountedFile[];
  /** Rows that came back, less rows that died, in files that stay: by their deletion vectors alone. */
  readonly revived: bigint;
}

/** The file actions of a commit by path. */
export interface ActionsByPath {
  readonly adds: ReadonlyMap<string, FileAction>;
  readonly removes: ReadonlyMap<string, FileAction>;
}

/** Actions that only rearrange rows are left out: some name a file that was part of the table before. */
export function recordedCommit(version: bigint, { adds, removes }: ActionsByPath, known: AddedFiles): RecordedCommit {
  const counted = (path: string, action: FileAction): CountedFile => {
    return { path, rowCount: action.rowCount ?? known.rowCountOf(path), deadRows: deadRows(action) };
  };
  const gained: CountedFile[] = [];
  const lost: CountedFile[] = [];
  let revived = 0n;
  for (const [path, add] of adds) {
    const former = removes.get(path);
    if (!add.dataChange && !former?.dataChange) continue;
    if (former) revived += deadRows(former) - deadRows(add);
    else gained.push(counted(path, add));
  }
  for (const [path, remove] of removes) {
    if (remove.dataChange && !adds.has(path)) lost.push(counted(path, remove));
  }
  return { version, gained, lost, revived };
}

function deadRows({ deletionVector }: FileAction): bigint {
  return deletionVector?.cardinality ?? 0n;
}

/** How many files are remembered: enough for writers that rewrite the same ones again and again. */
const FILES_KEPT = 1_000;

/** Row counts of the files added last. Removes name the same files, and many writers leave their statistics out. */
export class AddedFiles {
  readonly #rowCounts = new Map<string, number>();

  note(path: string, rowCount: number | null): void {
    if (rowCount === null) return;
    this.#rowCounts.set(path, rowCount);
    if (this.#rowCounts.size <= FILES_KEPT) return;
    const [oldest] = this.#rowCounts.keys();
    if (oldest !== undefined) this.#rowCounts.delete(oldest);
  }

  rowCountOf(path: string): number | null {
    return this.#rowCounts.get(path) ?? null;
  }
}
