import { quoteIdentifier } from '../core/names.js';

/**
 * What of a table is going to be used of what is read. A reader may leave out the other columns, and files in which no
 * row can fulfil the condition; the rows that it gives are filtered by whoever gave the hint.
 */
export interface ReadHint {
  /** Names of columns of the snapshot. */
  readonly columns: readonly string[];
  readonly condition: HintedCondition | null;
  /** Set where what metadata states of files is not to be relied on: what is read is held against what was read before. */
  readonly isProof?: boolean;
}

/** A condition of the engine over the columns of a table; null counts as not fulfilled. */
export interface HintedCondition {
  readonly sql: string;
  /** Rows that fulfil the whole fulfil each of these. */
  readonly conjuncts: readonly {
    readonly sql: string;
    /** Names of the columns that it is about, and of no others. */
    readonly columns: readonly string[];
    /** SQL over `boundNames` that is false where no row fulfils it; null if there is none. See `boundsCondition`. */
    readonly bounds: string | null;
  }[];
}

/** What is known of the values of a column in some rows, as columns that SQL finds it under. */
export function boundNames(column: string): {
  readonly least: string;
  readonly greatest: string;
  readonly nulls: string;
} {
  return {
    least: quoteIdentifier(`least ${column}`),
    greatest: quoteIdentifier(`greatest ${column}`),
    nulls: quoteIdentifier(`nulls ${column}`),
  };
}

/** The number of rows that `boundNames` are about. */
export const BOUNDED_ROWS = '"all rows"';
