import type pg from 'pg';
import { type AutoCdcFlow, stagingColumns } from '../../core/flows/auto-cdc-flow.js';
import { quoteIdentifier } from '../../core/names.js';

/** Above this number of rows, the planner's guess for a table without statistics is not good enough. */
const ANALYZE_ROWS_MIN = 1_000;

/**
 * Creates the temporary table for the rows of a batch, with `stagingColumns(flow)`. Replaces an existing one of the
 * session.
 * @returns its name, quoted for SQL
 */
export async function createStaging(client: pg.Client, flow: AutoCdcFlow): Promise<string> {
  const staging = 'pg_temp.synced_tables_staged';
  const columns = stagingColumns(flow).map(({ name, postgresType }) => {
    // Sequences are ordered by code point; other texts are only compared for equality.
    const collation = postgresType === 'text' && name.startsWith('__autocdc_seq') ? ' collate "C"' : '';
    return `${quoteIdentifier(name)} ${postgresType}${collation}`;
  });
  await client.query(`drop table if exists ${staging}`);
  await client.query(`create temporary table synced_tables_staged (${columns.join(', ')})`);
  return staging;
}

/** Gives the planner statistics of a filled staging table. */
export async function analyzeIfLarge(client: pg.Client, table: string, rows: number): Promise<void> {
  if (rows >= ANALYZE_ROWS_MIN) await client.query(`analyze ${table}`);
}
