/** A row that differs. Values are texts as Postgres prints them; `different` rows leave out the columns that agree. */
export interface RowDifference {
  readonly difference: 'missing' | 'extra' | 'different';
  readonly key: Readonly<Record<string, string>>;
  /** Null for a row that the source does not have. */
  readonly source: Readonly<Record<string, string | null>> | null;
  /** Null for a row that the table does not have. */
  readonly target: Readonly<Record<string, string | null>> | null;
}
