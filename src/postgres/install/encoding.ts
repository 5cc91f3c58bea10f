import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';

/** SQL_ASCII stores every text as it comes. */
const ENCODINGS: ReadonlySet<string> = new Set(['UTF8', 'SQL_ASCII']);

/**
 * Rows hold any character of UTF-8, and so do our functions.
 * @throws DATABASE_ENCODING_UNSUPPORTED
 */
export function requireEncoding({
  database,
  encoding,
}: {
  readonly database: string;
  readonly encoding: string;
}): void {
  if (!ENCODINGS.has(encoding)) throw syncedTablesError('DATABASE_ENCODING_UNSUPPORTED', { database, encoding });
}

/** @throws DATABASE_ENCODING_UNSUPPORTED if a database that is made on this server would be of no use */
export async function requireEncodingOfNew(client: pg.Client, database: string): Promise<void> {
  const { rows } = await client.query<{ encoding: string }>(
    `select pg_catalog.pg_encoding_to_char(encoding) as encoding from pg_catalog.pg_database where datname = 'template1'`,
  );
  if (rows[0]) requireEncoding({ database, encoding: rows[0].encoding });
}
