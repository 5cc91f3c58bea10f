/** Marks the error for a NUL character, which Postgres cannot store; the number of the column and a semicolon follow. */
export const NUL_ERROR_MARK = 'synced_tables_nul_in_column_';
