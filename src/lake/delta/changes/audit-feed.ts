import type { FeedContradiction } from '../../changes/change-relation.js';
import type { FileStat } from '../../storage/file-store.js';
import { type FooterOptions, footerRows } from './footer-rows.js';
import type { CountedFile, RecordedCommit } from './recorded-commit.js';

/**
 * Footers read where the log does not say how many rows a file has. On the local disk they cost next to nothing; of
 * files in a store none is read, since each is a request.
 */
const FOOTERS_MAX = 16;

/**
 * Finds the commits whose recorded changes add up to another number of rows than their files gained or lost. Commits
 * are left out of which that is not known at little cost. Before one is called wrong, its files are counted: statistics
 * of the log may be wrong too.
 * @param recorded inserted minus deleted rows of each version, as its change files tell
 */
export async function auditFeed(
  options: FooterOptions,
  commits: readonly RecordedCommit[],
  recorded: ReadonlyMap<bigint, bigint>,
): Promise<FeedContradiction[]> {
  const isUncounted = ({ rowCount }: CountedFile) => rowCount === null;
  const uncounted = commits.flatMap(filesOf).filter(isUncounted);
  const isCheap = !options.store.download && uncounted.length <= FOOTERS_MAX;
  const found = isCheap ? await countFiles(options, uncounted) : new Map<string, bigint>();
  const fromLog = ({ path, rowCount }: CountedFile) => (rowCount === null ? found.get(path) : BigInt(rowCount));
  const isDoubtful = (commit: RecordedCommit) => {
    const rows = rowBalance(commit, fromLog);
    return rows !== null && rows !== (recorded.get(commit.version) ?? 0n);
  };
  const doubtful = commits.filter(isDoubtful);
  const counted = await countFiles(options, doubtful.flatMap(filesOf));
  return doubtful.flatMap((commit) => {
    const { version } = commit;
    // A removed file may be gone from the store: then the log is the only witness.
    const inFiles = rowBalance(commit, (file) => counted.get(file.path) ?? fromLog(file));
    const inFeed = recorded.get(version) ?? 0n;
    return inFiles === null || inFiles === inFeed ? [] : [{ version, inFeed, inFiles }];
  });
}

function filesOf({ gained, lost }: RecordedCommit): CountedFile[] {
  return [...gained, ...lost];
}

/** Rows that the table has more after a commit than before; null if the rows of a file are not known. */
function rowBalance(
  { gained, lost, revived }: RecordedCommit,
  rowsOf: (file: CountedFile) => bigint | undefined,
): bigint | null {
  let balance = revived;
  for (const [files, sign] of [[gained, 1n] as const, [lost, -1n] as const]) {
    for (const file of files) {
      const rows = rowsOf(file);
      if (rows === undefined) return null;
      balance += sign * (rows - file.deadRows);
    }
  }
  return balance;
}

/** Row counts by path, of the files that are there. */
async function countFiles(options: FooterOptions, files: readonly CountedFile[]): Promise<Map<string, bigint>> {
  const stats = new Map<string, FileStat>();
  await Promise.all(
    files.map(async ({ path }) => {
      const stat = await options.store.stat(path);
      if (stat !== null) stats.set(path, stat);
    }),
  );
  return footerRows(options, stats);
}
