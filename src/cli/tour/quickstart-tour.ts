import path from 'node:path';
import type pg from 'pg';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { quoteIdentifier, quoteLiteral } from '../../core/names.js';
import type { SyncedTable } from '../../core/synced-table.js';
import type { CatalogSet } from '../../lake/catalog/catalog.js';
import { openEngine } from '../../lake/engine/duckdb-engine.js';
import type { LakeTable } from '../../lake/lake-table.js';
import { explainDifference } from '../../postgres/compare-copies.js';
import { asRaisedError } from '../../postgres/refusals/raised-error.js';
import { findSyncedTable } from '../../postgres/registry/synced-tables.js';
import { openSession } from '../../postgres/session/session.js';
import type { Settings } from '../../settings/settings-schema.js';
import { homeDatabase } from '../../sidecar/managed-databases.js';
import { openCatalogs } from '../../sidecar/open-catalogs.js';
import { explainAnyError } from '../../sync/source/load-errors.js';
import { verifyTable } from '../../sync/verify/verify-table.js';
import { textTable } from '../output/text-table.js';
import { findTables } from './find-tables.js';
import { guessKey } from './guess-key.js';
import { makeTourLogin } from './tour-login.js';

export interface TourOptions {
  /** For other clients; the tour itself connects as the settings say. */
  readonly url: string;
  /** Whether the server is the tour's own, so that it may make roles there. */
  readonly isOwnServer: boolean;
  readonly settings: Settings;
  readonly lake: string;
  /** Verify the rows against the source instead of explaining how to continue. */
  readonly isOnce: boolean;
  /** Narrates, one paragraph per call. */
  readonly say: (text: string) => void;
}

/** What the tour created, for `--output json`. */
export interface TourResult {
  /** A login that reads, creates and syncs, and writes into no synced table; only on a server of the tour's own. */
  readonly login_url?: string;
  readonly synced_table: string;
  readonly source_table_full_name: string;
  /** True if every row was compared with the source. */
  readonly is_verified: boolean;
  /** Tables that come before it and could not be synced. */
  readonly passed_over: readonly PassedOver[];
}

/** A source table that could not be synced. */
interface PassedOver {
  readonly source_table_full_name: string;
  readonly error_code: string;
  readonly message: string;
}

const ROWS_SHOWN = 5;
const CELL_WIDTHS = [32, 24, 16, 12, 8];
/** With the next table it would be the same. */
const NOT_OF_THE_TABLE: ReadonlySet<string> = new Set([
  'INTERNAL_ERROR',
  'OPEN_FILES_LIMIT',
  'TARGET_DATABASE_FULL',
  'TARGET_READ_ONLY',
]);

/** Creates or refreshes one synced table with plain SQL, as a user would, and narrates what happens. */
export async function runQuickstartTour(options: TourOptions): Promise<TourResult> {
  const engine = await openEngine();
  await using _ = engine;
  const catalogs = openCatalogs(options.settings, engine);
  const { url } = homeDatabase(options.settings, 'local');
  const client = await openSession({ url, applicationName: 'synced-tables quickstart', role: null });
  try {
    const { lakeTable, table, passedOver } = await syncFirst(client, catalogs, options);
    await showRows(client, table, options);
    const login = options.isOwnServer ? await makeTourLogin(client, options.url, table) : null;
    if (options.isOnce) await prove(client, table, lakeTable, options);
    else tellHowToGoOn(options, table, login);
    const { fullName, source } = table;
    return {
      ...(login === null ? {} : { login_url: login }),
      synced_table: fullName,
      source_table_full_name: source,
      is_verified: options.isOnce,
      passed_over: passedOver,
    };
  } finally {
    await client.end();
  }
}

interface Found {
  readonly lakeTable: LakeTable;
  readonly table: SyncedTable;
  readonly passedOver: readonly PassedOver[];
}

/** Syncs the first table that can be synced, and tells which were passed over and why. */
async function syncFirst(client: pg.Client, catalogs: CatalogSet, options: TourOptions): Promise<Found> {
  const passedOver: PassedOver[] = [];
  for (const source of await findTables(options.lake)) {
    const name = `${source}_synced`;
    try {
      const lakeTable = await catalogs.open(`lake.${source}`);
      await sync(client, lakeTable, name, options);
      const table = await findSyncedTable(client, name);
      if (!table) throw new Error(`${name} is not registered`);
      return { lakeTable, table, passedOver };
    } catch (error) {
      const { code, message } = refusalOf(error, { fullName: name, source: `lake.${source}` });
      passedOver.push({ source_table_full_name: `lake.${source}`, error_code: code, message });
      options.say(`\nPassed over lake.${source}: ${code}: ${message}`);
    }
  }
  const reasons = passedOver.map(({ error_code: code, message }) => `${code}: ${message}`).join(' ');
  throw syncedTablesError('LAKE_TABLES_UNUSABLE', { lake: options.lake, count: passedOver.length, reasons });
}

/** Why a table was refused, if that is the fault of the table. */
function refusalOf(error: unknown, table: { fullName: string; source: string }): SyncedTablesError {
  const known = asSyncedTablesError(error) ?? asRaisedError(error) ?? explainAnyError(error, table);
  if (NOT_OF_THE_TABLE.has(known.code) || known.code.startsWith('POSTGRES_')) throw error;
  return known;
}

async function sync(client: pg.Client, lakeTable: LakeTable, name: string, { say }: TourOptions): Promise<void> {
  const snapshot = await lakeTable.snapshot();
  const existing = await findSyncedTable(client, name);
  let statement = `synced_tables.sync_now(${quoteLiteral(name)})`;
  if (!existing) {
    const key = await guessKey(lakeTable, snapshot);
    if (key === null) {
      const columns = snapshot.columns.map((column) => column.name).join(', ');
      throw syncedTablesError('LAKE_TABLE_WITHOUT_KEY', { table: lakeTable.name, columns });
    }
    statement = `synced_tables.create_synced_table(${quoteLiteral(name)},
         source_table_full_name => ${quoteLiteral(lakeTable.name)}, primary_key_columns => ARRAY[${quoteLiteral(key)}])`;
  }
  say(`\nSyncing ${lakeTable.name} (version ${snapshot.version}) with plain SQL:\n\n  SELECT ${statement};\n`);
  await client.query(`call synced_tables.wait_for_update(${statement})`);
}

async function showRows(client: pg.Client, table: SyncedTable, { say }: TourOptions): Promise<void> {
  const { rows } = await client.query<{ rows: string; version: string | null; message: string; isEqual: boolean }>(
    `select row_count::text as rows, synced_version::text as version, message, changed_by_hand_at is null as "isEqual"
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
  const [status] = rows;
  const online = `${table.fullName} is online`;
  // Somebody may have written to it a moment ago.
  if (status?.isEqual === false) say(`${online}. ${status.message}\n`);
  else say(`${online}: ${status?.rows} rows, equal to version ${status?.version} of ${table.source}.\n`);
  say(fittingTable(header, shown.rows as (string | null)[][]));
}

/** As wide as the terminal, where there is one, if cells can be cut so far. */
function fittingTable(header: readonly string[], rows: readonly (readonly (string | null)[])[]): string {
  const columns = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY;
  const tables = CELL_WIDTHS.map((width) => textTable(header, rows, width));
  const isFitting = (table: string) => table.split('\n').every((line) => line.length <= columns);
  return tables.find(isFitting) ?? tables.at(-1) ?? '';
}

async function prove(client: pg.Client, table: SyncedTable, lakeTable: LakeTable, { say }: TourOptions): Promise<void> {
  const verification = await verifyTable({
    client,
    tableId: table.tableId,
    openSource: async () => lakeTable,
    signal: new AbortController().signal,
  });
  const { targetRows, handChange } = verification;
  const difference = explainDifference({ target: table.fullName, source: table.source }, verification, handChange);
  if (difference !== null) throw difference;
  say(`\nProved: all ${targetRows} rows equal the source at version ${verification.version}, cell by cell.`);
}

const TAKES_BACK =
  'synced tables are for reading: what a superuser writes into one is shown as "changed by hand", and the next update takes it back.';
/** The address may have a password in it, which does not belong on a screen. */
const THEIR_LOGIN = `If that is a superuser's login: ${TAKES_BACK}`;

function ourLogins(superuserUrl: string): string {
  return `This login reads everything, creates, syncs and indexes synced tables, and can write into none. As superuser, for other things:

  psql "${superuserUrl}"

But ${TAKES_BACK}`;
}

function tellHowToGoOn(options: TourOptions, table: SyncedTable, login: string | null): void {
  options.say(`
Look at it with psql or any Postgres client:

  psql "${login ?? '$DATABASE_URL'}"

${login === null ? THEIR_LOGIN : ourLogins(options.url)}

What to try next:

  SELECT * FROM synced_tables.status \\gx
  CALL synced_tables.wait_for_update(synced_tables.sync_now(${quoteLiteral(table.fullName)}));
  SELECT * FROM synced_tables.updates ORDER BY created_at DESC;
  SELECT synced_tables.create_synced_table('gold.my_table', 'lake.<schema>.<table>', ARRAY['<key column>']);
  SELECT * FROM synced_tables.help() \\gx

Source tables are folders with a Delta log: ${options.lake}/<schema>/<table> is lake.<schema>.<table>. The command line works
from another terminal, in this folder, with:

  export ${login === null ? '' : `DATABASE_URL='${options.url}' `}SYNCED_TABLES_LAKE='${path.resolve(options.lake)}'
  npx synced-tables list`);
}
