/** Channel that announces every commit to a synced or streaming table. */
export const UPDATES_CHANNEL = 'synced_table_updates';

/** What a commit did to a table. */
export interface AnnouncedUpdate {
  /** `schema.name`, quoted where Postgres needs it. */
  readonly table: string;
  /** The version of the table after the commit; null if it has none. */
  readonly version: bigint | null;
  readonly method: string;
  readonly rowsWritten: bigint;
  readonly rowsDeleted: bigint;
}

/** The notification's payload: a JSON object. */
export function announcement({ table, version, method, rowsWritten, rowsDeleted }: AnnouncedUpdate): string {
  return JSON.stringify({
    table,
    version: version === null ? null : Number(version),
    method,
    rows_written: Number(rowsWritten),
    rows_deleted: Number(rowsDeleted),
  });
}
