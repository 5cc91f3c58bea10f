import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { expect } from 'vitest';
import { type DeltaWriter, TestLake } from './delta-writer.js';
import { createMigratedDatabase, type MigratedDatabase } from './migrated-database.js';
import { type SidecarProcess, spawnSidecar, startTestSidecar, type TestSidecarOptions } from './sidecar.js';
import type { TestServer } from './test-server.js';

export type SidecarChoices = Partial<Omit<TestSidecarOptions, 'lakeRoot' | 'folder'>>;

export interface CreateChoices {
  readonly source?: string;
  readonly key?: readonly string[];
  readonly timeseriesKey?: string;
  readonly invalidCharacters?: 'fail' | 'strip';
  readonly createSchema?: boolean;
  /** Others than SNAPSHOT find changes by comparing files. */
  readonly policy?: 'SNAPSHOT' | 'TRIGGERED' | 'CONTINUOUS';
  /** Table in whose pipeline it is to be. */
  readonly beside?: string;
}

/** Takes everything of ours out of a database that holds no synced table; roles stay. */
const UNINSTALL = `
  drop schema synced_tables, synced_tables_internal, synced_tables_served, databricks_auth, __db_system cascade;
  drop view if exists public.databricks_synced_table_managers, public.databricks_list_roles;
  do $$
  declare
    ours regprocedure;
  begin
    for ours in select oid from pg_proc where pronamespace = 'public'::regnamespace and proname like 'databricks\\_%' loop
      execute format('drop function %s', ours);
    end loop;
  end $$`;

/** A database, a lake, and the sidecars between them, as one test uses them. */
export class SyncedLake implements AsyncDisposable {
  readonly database: MigratedDatabase;
  readonly lake: TestLake;
  /** The sidecars' temporary folder. */
  readonly folder = mkdtempSync(path.join(tmpdir(), 'test-sidecar-'));
  /** Connection string of a role that has nothing but databricks_sync. */
  readonly sidecarUrl: string;
  /** A superuser's session. */
  admin: pg.Client;
  readonly #sidecars: AsyncDisposable[] = [];

  private constructor(database: MigratedDatabase, lake: TestLake, sidecarUrl: string) {
    this.database = database;
    this.admin = database.admin;
    this.lake = lake;
    this.sidecarUrl = sidecarUrl;
  }

  /** With `isMigrated: false` the database is empty; its sidecars need a superuser's connection string then. */
  static async create(server: TestServer, { isMigrated = true } = {}): Promise<SyncedLake> {
    const database = await createMigratedDatabase(server);
    if (!isMigrated) {
      await database.admin.query(UNINSTALL);
    }
    return SyncedLake.on(database);
  }

  /** In a database that has been made ready. */
  static async on(database: MigratedDatabase): Promise<SyncedLake> {
    const role = await database.createRole('sidecar', 'databricks_sync');
    const password = randomBytes(8).toString('hex');
    await database.admin.query(`alter role ${role} login password '${password}'`);
    const url = new URL(database.url);
    url.username = role;
    url.password = password;
    return new SyncedLake(database, await TestLake.create(), url.href);
  }

  /** A new session in place of one that went down with its server. */
  async reconnect(): Promise<void> {
    this.admin = await this.database.connect();
  }

  #options(choices: SidecarChoices): TestSidecarOptions {
    return { url: this.sidecarUrl, lakeRoot: this.lake.root, folder: this.folder, ...choices };
  }

  /** Starts a sidecar in this process; it stops at the latest when the test ends. */
  async startSidecar(choices: SidecarChoices = {}): Promise<AsyncDisposable & { readonly url: string }> {
    const sidecar = await startTestSidecar(this.#options(choices));
    this.#sidecars.push(sidecar);
    return sidecar;
  }

  /** Starts a sidecar in a process of its own; it is killed at the latest when the test ends. */
  async spawnSidecar(choices: SidecarChoices = {}): Promise<SidecarProcess> {
    const sidecar = await spawnSidecar(this.#options(choices));
    this.#sidecars.push(sidecar);
    return sidecar;
  }

  /** Asks for a synced table; returns the id of its first update. */
  async create(target: string, choices: CreateChoices = {}, client = this.admin): Promise<string> {
    const { rows } = await client.query<{ id: string }>(
      `select synced_tables.create_synced_table($1, $2, $3::text[], timeseries_key => $4, invalid_characters => $5,
                                                create_database_objects_if_missing => $6, scheduling_policy => $7,
                                                allow_file_diff => $7 <> 'SNAPSHOT',
                                                existing_pipeline_id => (select pipeline_id from synced_tables.status
                                                                          where synced_table = $8)) as id`,
      [
        target,
        `lake.${choices.source ?? target}`,
        choices.key ?? ['id'],
        choices.timeseriesKey ?? null,
        choices.invalidCharacters ?? 'fail',
        choices.createSchema ?? true,
        choices.policy ?? 'SNAPSHOT',
        choices.beside ?? null,
      ],
    );
    return rows[0]?.id ?? '';
  }

  async requestSync(target: string, fullRefresh = false, client = this.admin): Promise<string> {
    const { rows } = await client.query<{ id: string }>('select synced_tables.sync_now($1, $2) as id', [
      target,
      fullRefresh,
    ]);
    return rows[0]?.id ?? '';
  }

  /** Waits for the end of an update as psql users do; throws its error. */
  async wait(update: string, client = this.admin, patience = '150 s'): Promise<void> {
    await client.query(`call synced_tables.wait_for_update('${update}', interval '${patience}')`);
  }

  /** Creates a table and waits for its rows. */
  async load(target: string, choices: CreateChoices = {}): Promise<UpdateRow> {
    const update = await this.create(target, choices);
    await this.wait(update);
    return this.update(update);
  }

  /** Asks for an update and waits for its end. */
  async sync(target: string, fullRefresh = false): Promise<UpdateRow> {
    const update = await this.requestSync(target, fullRefresh);
    await this.wait(update);
    return this.update(update);
  }

  /** The one row of synced_tables.updates for an update. */
  async update(id: string): Promise<UpdateRow> {
    const { rows } = await this.admin.query<UpdateRow>('select * from synced_tables.updates where update_id = $1', [
      id,
    ]);
    const [row] = rows;
    if (!row || rows.length > 1) throw new Error(`synced_tables.updates shows ${rows.length} rows of ${id}`);
    return row;
  }

  async status(target: string): Promise<StatusRow> {
    const { rows } = await this.admin.query<StatusRow>('select * from synced_tables.status where synced_table = $1', [
      target,
    ]);
    if (!rows[0]) throw new Error(`synced_tables.status does not show ${target}`);
    return rows[0];
  }

  /** The keys told of a table's last failure, separated by commas; null if there are none. */
  failingKeys(target: string): Promise<string | null> {
    const keys = `array_to_string(failing_keys, ', ')`;
    return this.value(`select ${keys} from synced_tables.status where synced_table = $1`, [target]);
  }

  /** One value of the first row, as text. */
  async value(sql: string, values: unknown[] = []): Promise<string | null> {
    const { rows } = await this.admin.query<(string | null)[]>({ text: sql, values, rowMode: 'array' });
    const value: unknown = rows[0]?.[0] ?? null;
    return value === null ? null : String(value);
  }

  /** The rows of a table or subquery, all values as text, sorted as text. */
  async rows(from: string, columns: readonly string[], client = this.admin): Promise<(string | null)[][]> {
    const sql = `select ${columns.map((column) => `${column}::text`).join(', ')} from ${from}`;
    return sorted((await client.query<(string | null)[]>({ text: sql, rowMode: 'array' })).rows);
  }

  /** Fails unless a synced table has the rows of its source that fit `where`, in these columns of simple types. */
  async expectEqual(target: string, source: DeltaWriter, columns: readonly string[], where = ''): Promise<void> {
    const expected = sorted(await source.query(columns.map((column) => `${column}::varchar`).join(', '), where));
    const found = await this.rows(target, columns);
    const at = expected.findIndex((row, n) => row.join('|') !== found[n]?.join('|'));
    expect({ rows: found.length, different: found[at] }).toEqual({ rows: expected.length, different: expected[at] });
  }

  /** Tables in __db_system that are no partitions: what a load leaves behind if it does not clean up. */
  async shadowTables(): Promise<string[]> {
    const { rows } = await this.admin.query<{ name: string }>(
      `select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = '__db_system' and c.relkind = 'r' and not c.relispartition`,
    );
    return rows.map((row) => row.name);
  }

  async stopSidecars(): Promise<void> {
    await Promise.all(this.#sidecars.map((sidecar) => sidecar[Symbol.asyncDispose]()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopSidecars();
    await this.lake[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
    await this.database[Symbol.asyncDispose]();
  }
}

export interface UpdateRow {
  readonly state: string;
  readonly method: string | null;
  readonly synced_version: string | null;
  readonly rows_written: string | null;
  readonly rows_deleted: string | null;
  readonly rows_without_key: string | null;
  readonly rows_with_stripped_characters: string | null;
  readonly attempt: number;
  readonly error_code: string | null;
  readonly message: string | null;
}

export interface StatusRow {
  readonly table_name: string | null;
  readonly state: string;
  readonly message: string | null;
  readonly synced_version: string | null;
  readonly source_version: string | null;
  readonly row_count: string | null;
  readonly rows_done: string | null;
  readonly last_error_code: string | null;
  readonly paused_by: string | null;
}

/** Waits until `isSo` holds. */
export async function eventually(isSo: () => Promise<boolean>, what: string, msMax = 60_000): Promise<void> {
  const deadline = performance.now() + msMax;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not within ${msMax} ms: ${what}`);
    await sleep(20);
  }
}

function sorted(rows: (string | null)[][]): (string | null)[][] {
  return rows.sort((a, b) => (a.join('|') < b.join('|') ? -1 : 1));
}
