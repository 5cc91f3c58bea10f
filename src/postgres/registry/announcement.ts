/** Channel on which applications hear of everything that is committed to a synced or streaming table. */
export const UPDATES_CHANNEL = 'synced_table_updates';

/** What a commit did to a table. */
export interface AnnouncedUpdate {
  /** `schema.name`, quoted where Postgres needs it. */
  readonly table: string;
  /** The version that the table is at since then; null if there is none. */
  readonly version: bigint | null;
  readonly method: string;
  readonly rowsWritten: bigint;
  readonly rowsDeleted: bigint;
}

/** The payload of its notification: a JSON object. */
export function announcement({ table, version, method, rowsWritten, rowsDeleted }: AnnouncedUpdate): string {
  return JSON.stringify({
    table,
    version: version === null ? null : Number(version),
    method,
    rows_written: Number(rowsWritten),
    rows_deleted: Number(rowsDeleted),
  });
}
