import type { CatalogSet } from '../../lake/catalog/catalog.js';
import type { LakeTable } from '../../lake/lake-table.js';
import { describeSource, type SourceReport } from './describe-source.js';

const KEPT_MAX = 50;
/** After that, what a catalog says of a table is asked for again too. */
const KEPT_MS = 60_000;

interface KeptReport {
  readonly report: SourceReport;
  /** Knows the commit that the report is of, for as long as it is kept. */
  readonly lakeTable: LakeTable;
  /** Null if nothing tells whether the source is still the same. */
  readonly commit: string | null;
  readonly atMs: number;
}

/**
 * Reports on source tables. A form asks for one after each change, and reading the log of a large table takes seconds: as
 * long as no commit follows, which two looks at the log tell, the report of the last minute is given again.
 */
export class SourceReports {
  readonly #catalogs: CatalogSet;
  readonly #kept = new Map<string, KeptReport>();

  constructor(catalogs: CatalogSet) {
    this.#catalogs = catalogs;
  }

  /** @throws what opening the table and reading its metadata throw */
  async read(name: string): Promise<SourceReport> {
    const kept = this.#kept.get(name);
    if (kept && (await isCurrent(kept))) return kept.report;
    this.#kept.delete(name);
    const lakeTable = await this.#catalogs.open(name);
    const report = await describeSource(lakeTable);
    const { version } = report.details.snapshot;
    const commit = version === null ? null : ((await lakeTable.changeFeed?.commitIdentity(version)) ?? null);
    this.#kept.set(name, { report, lakeTable, commit, atMs: performance.now() });
    for (const [oldest] of this.#kept) if (this.#kept.size > KEPT_MAX) this.#kept.delete(oldest);
    return report;
  }
}

async function isCurrent({ report, lakeTable, commit, atMs }: KeptReport): Promise<boolean> {
  const { changeFeed } = lakeTable;
  const { version } = report.details.snapshot;
  if (changeFeed === null || version === null || commit === null || performance.now() - atMs > KEPT_MS) return false;
  try {
    return (
      (await changeFeed.newestVersion(version)) === version && (await changeFeed.commitIdentity(version)) === commit
    );
  } catch {
    // Reading it anew says what is wrong.
    return false;
  }
}
