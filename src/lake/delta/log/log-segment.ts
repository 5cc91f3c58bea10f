import type { Checkpoint, LogListing } from './log-listing.js';

/** The files that together give the state of one version: a checkpoint (or none) and what follows it. */
export interface LogSegment {
  readonly version: bigint;
  readonly checkpoint: Checkpoint | null;
  /** Names of commits and compactions in ascending order. */
  readonly commitNames: readonly string[];
}

/** The version that is missing between the checkpoint and the wanted version. */
export interface LogGap {
  readonly missingVersion: bigint;
}

/**
 * The files to read for `version` on top of `checkpoint`; without one the commits start at 0. Compactions replace the
 * commits they cover if their range is between the checkpoint and `version`; the path with the fewest files wins, so a
 * compaction also bridges missing commits.
 */
export function chooseSegment(
  listing: LogListing,
  options: { version: bigint; checkpoint: Checkpoint | null },
): LogSegment | LogGap {
  const { version, checkpoint } = options;
  const first = checkpoint === null ? 0n : checkpoint.version + 1n;
  const steps = stepsByStart(listing);

  // best.get(v): the fewest files that lead from v to the version after the last one. Only listed versions are visited,
  // so a single commit with an absurd number costs nothing.
  const best = new Map<bigint, { fileCount: number; step: Step | null }>([
    [version + 1n, { fileCount: 0, step: null }],
  ]);
  for (const start of [...steps.keys()].sort((a, b) => (a < b ? 1 : -1))) {
    for (const step of steps.get(start) ?? []) {
      const rest = best.get(step.next);
      if (!rest) continue;
      const fileCount = rest.fileCount + 1;
      if (fileCount < (best.get(start)?.fileCount ?? Number.POSITIVE_INFINITY)) best.set(start, { fileCount, step });
    }
  }
  if (!best.has(first)) return { missingVersion: firstMissing(listing, first) };

  const commitNames: string[] = [];
  for (let step = best.get(first)?.step; step; step = best.get(step.next)?.step) commitNames.push(step.name);
  return { version, checkpoint, commitNames };
}

/** One file, and the version that follows its last. */
interface Step {
  readonly name: string;
  readonly next: bigint;
}

/** The whole log: a step that begins before the first wanted version or ends after the last is on no path. */
function stepsByStart(listing: LogListing): Map<bigint, Step[]> {
  const steps = new Map<bigint, Step[]>();
  const offer = (from: bigint, to: bigint, name: string) => {
    const found = steps.get(from);
    if (found) found.push({ name, next: to + 1n });
    else steps.set(from, [{ name, next: to + 1n }]);
  };
  for (const [version, name] of listing.commits) offer(version, version, name);
  for (const { from, to, name } of listing.compactions) offer(from, to, name);
  return steps;
}

function firstMissing(listing: LogListing, first: bigint): bigint {
  let version = first;
  while (listing.commits.has(version)) version++;
  return version;
}
