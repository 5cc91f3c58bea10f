import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import type { SyncedTable } from '../../core/synced-table.js';
import { openEngine } from '../../lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../lake/lake-table.js';
import { findSyncedTable } from '../../postgres/registry/synced-tables.js';
import { openSession } from '../../postgres/session/session.js';
import type { Settings } from '../../settings/settings-schema.js';
import { openCatalogs } from '../../sidecar/open-catalogs.js';
import { verifyTable } from '../../sync/verify/verify-table.js';
import { textTable } from '../output/text-table.js';
import { guessKey } from './guess-key.js';

export interface TourOptions {
  readonly url: string;
  readonly settings: Settings;
  readonly lake: string;
  /** Verify the rows against the source instead of explaining how to continue. */
  readonly isOnce: boolean;
  /** Narrates, one paragraph per call. */
  readonly say: (text: string) => void;
}

/** What the tour created, for `--output json`. */
export interface TourResult {
  readonly synced_table: string;
  readonly source_table_full_name: string;
  /** True if every row was compared with the source. */
  readonly is_verified: boolean;
}

const ROWS_SHOWN = 5;

/** Creates or refreshes one synced table with plain SQL, as a user would, and narrates what happens. */
export async function runQuickstartTour(options: TourOptions): Promise<TourResult> {
  const engine = await openEngine();
  await using _ = engine;
  const catalogs = openCatalogs(options.settings, engine);
  const source = await firstTable(options.lake);
  const lakeTable = await catalogs.open(`lake.${source}`);
  const client = await openSession({ url: options.url, applicationName: 'synced-tables quickstart', role: null });
  try {
    const name = `${source}_synced`;
    await sync(client, lakeTable, name, options);
    const table = await findSyncedTable(client, name);
    if (!table) throw new Error(`${name} is not registered`);
    await showRows(client, table, options);
    if (options.isOnce) await prove(client, table, lakeTable, options);
    else tellHowToGoOn(options, table);
    return { synced_table: table.fullName, source_table_full_name: table.source, is_verified: options.isOnce };
  } finally {
    await client.end();
  }
}

/** `gold.user_profiles` of the sample, else the first Delta table of the lake. */
async function firstTable(lake: string): Promise<string> {
  const tables: string[] = [];
  for (const schema of await readdir(lake, { withFileTypes: true }).catch(() => [])) {
    if (!schema.isDirectory()) continue;
    for (const table of await readdir(join(lake, schema.name))) {
      const entries: string[] = await readdir(join(lake, schema.name, table)).catch(() => []);
      if (entries.includes('_delta_log')) tables.push(`${schema.name}.${table}`);
    }
  }
  const chosen = tables.find((table) => table === 'gold.user_profiles') ?? tables.sort()[0];
  if (chosen === undefined) {
    const reason = `there is no Delta table in ${lake}/<schema>/<table>`;
    throw syncedTablesError('SOURCE_TABLE_NOT_FOUND', { table: 'lake', reason });
  }
  return chosen;
}

async function sync(client: pg.Client, lakeTable: LakeTable, name: string, { say }: TourOptions): Promise<void> {
  const snapshot = await lakeTable.snapshot();
  const existing = await findSyncedTable(client, name);
  let statement = `synced_tables.sync_now(${quoteLiteral(name)})`;
  if (!existing) {
    const key = await guessKey(lakeTable, snapshot);
    if (key === null) {
      const columns = snapshot.columns.map((column) => column.name).join(', ');
      throw syncedTablesError('PRIMARY_KEY_COLUMN_NOT_FOUND', {
        table: lakeTable.name,
        column: 'a column with unique values',
        columns,
      });
    }
    statement = `synced_tables.create_synced_table(${quoteLiteral(name)},
         source_table_full_name => ${quoteLiteral(lakeTable.name)}, primary_key_columns => ARRAY[${quoteLiteral(key)}])`;
  }
  say(`\nSyncing ${lakeTable.name} (version ${snapshot.version}) with plain SQL:\n\n  SELECT ${statement};\n`);
  await client.query(`call synced_tables.wait_for_update(${statement})`);
}

async function showRows(client: pg.Client, table: SyncedTable, { say }: TourOptions): Promise<void> {
  const { rows } = await client.query<{ rows: string; version: string | null; ms: string }>(
    `select row_count::text as rows, synced_version::text as version, state as ms
       from synced_tables.status where synced_table = $1`,
    [table.fullName],
  );
  const target = `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
  const keys = table.keyColumns.map(quoteIdentifier).join(', ');
  const shown = await client.query({
    text: `select * from ${target} order by ${keys} limit ${ROWS_SHOWN}`,
    rowMode: 'array',
    types: { getTypeParser: () => (text: string) => text },
  });
  const header = shown.fields.map((field) => field.name);
  say(`${table.fullName} is online: ${rows[0]?.rows} rows, equal to version ${rows[0]?.version} of ${table.source}.\n`);
  say(textTable(header, shown.rows as (string | null)[][]));
}

async function prove(client: pg.Client, table: SyncedTable, lakeTable: LakeTable, { say }: TourOptions): Promise<void> {
  const verification = await verifyTable({
    client,
    tableId: table.tableId,
    openSource: async () => lakeTable,
    signal: new AbortController().signal,
  });
  const { targetRows, missingRows, extraRows, differentRows } = verification;
  if (missingRows + extraRows + differentRows > 0n) {
    throw syncedTablesError('TABLES_DIFFER', {
      target: table.fullName,
      table: table.source,
      missing: missingRows,
      extra: extraRows,
      different: differentRows,
    });
  }
  say(`\nProved: all ${targetRows} rows equal the source at version ${verification.version}, cell by cell.`);
}

function tellHowToGoOn(options: TourOptions, table: SyncedTable): void {
  options.say(`
Look at it with psql or any Postgres client:

  psql "${options.url}"

What to try next:

  SELECT * FROM synced_tables.status;
  CALL synced_tables.wait_for_update(synced_tables.sync_now(${quoteLiteral(table.fullName)}));
  SELECT * FROM synced_tables.updates ORDER BY created_at DESC;
  SELECT synced_tables.create_synced_table('gold.my_table', 'lake.<schema>.<table>', ARRAY['<key column>']);

Source tables are folders with a Delta log: ${options.lake}/<schema>/<table> is lake.<schema>.<table>.`);
}
