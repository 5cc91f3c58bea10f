import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { migrate } from 'postgres-migrations';
import { asSyncedTablesError, syncedTablesError } from '../core/errors.js';
import { withFirstManagers } from './first-managers.js';
import { type Migration, migrationsDir, readMigrations } from './migration-files.js';
import { releaseMigrationLock, sessionsInTheWay, takeMigrationLock } from './migration-lock.js';
import { type AppliedMigration, readAppliedMigrations } from './schema-version.js';

export interface MigrateOptions {
  /** Folder of the numbered .sql files; the product's own unless a test says otherwise. */
  readonly dir?: string;
  readonly log?: (line: string) => void;
  /** How long another migration is waited for. Default a minute. */
  readonly patienceMs?: number;
  /** How long a statement waits for a lock of a user's transaction, before the file is rolled back and tried again. */
  readonly lockTimeoutMs?: number;
  /** The first of the growing pauses between its tries. */
  readonly pauseMs?: number;
}

/** Requests of users queue behind a migration that waits for a table, so it lets them pass now and then. */
const LOCK_TIMEOUT_MS = 5_000;
const ATTEMPTS_MAX = 6;
const PAUSE_MS_MIN = 500;

interface Place {
  readonly database: string;
  readonly role: string;
  readonly isSuperuser: boolean;
  readonly versionNumber: number;
  readonly version: string;
}

/**
 * Brings the database of `client` to the schema of this version, and says which files it applied; none when it was
 * there already. Safe to run again, and twice at once. The session keeps its search_path.
 * @param client a connected session; a superuser's unless nothing is to be done
 * @throws DATABASE_TOO_OLD, DATABASE_NEWER, MIGRATION_NOT_ALLOWED, MIGRATION_CHANGED, MIGRATION_SCHEMA_TAKEN,
 *   MIGRATION_LOCKED, MIGRATION_BLOCKED, MIGRATION_FAILED; a file that failed has left nothing behind, those before stay
 */
export async function migrateDatabase(client: pg.Client, options: MigrateOptions = {}): Promise<{ applied: string[] }> {
  const migrations = await readMigrations(options.dir);
  const place = await readPlace(client);
  if (place.versionNumber < 150_000) {
    throw syncedTablesError('DATABASE_TOO_OLD', { database: place.database, version: place.version });
  }
  if (await isUpToDate(client, migrations, place)) return { applied: [] };
  if (!place.isSuperuser) {
    throw syncedTablesError('MIGRATION_NOT_ALLOWED', { database: place.database, role: place.role });
  }
  const run: Run = { client, place, migrations, options, progress: { file: migrations[0]?.fileName ?? '' } };
  try {
    return await withMigrationSession(run, () => migrateUnderLock(run));
  } catch (error) {
    throw asSyncedTablesError(error) ?? migrationFailed(run, error);
  }
}

/**
 * How many migrations of this version the database lacks: all of them if it was never migrated.
 * @throws DATABASE_NEWER, MIGRATION_CHANGED
 */
export async function pendingMigrations(client: pg.Client): Promise<{ applied: number; pending: number }> {
  const migrations = await readMigrations();
  const applied = (await readAppliedMigrations(client)) ?? [];
  const { database } = await readPlace(client);
  checkApplied(applied, migrations, database);
  return { applied: applied.length, pending: migrations.length - applied.length };
}

interface Run {
  readonly client: pg.Client;
  readonly place: Place;
  readonly migrations: readonly Migration[];
  readonly options: MigrateOptions;
  /** What postgres-migrations does not tell: the file at work, and the error of the server below its own. */
  readonly progress: { file: string; failure?: unknown };
}

async function migrateUnderLock(run: Run): Promise<{ applied: string[] }> {
  const hadExtension = await dropBareExtension(run.client);
  await makeMigrationsTable(run.client, run.place);
  // Looked at again under the lock: another session may have migrated while this one waited.
  if (await isUpToDate(run.client, run.migrations, run.place)) return { applied: [] };
  const before = (await readAppliedMigrations(run.client))?.length ?? 0;
  await withFirstManagers(run.client, () => applyPatiently(run));
  const applied = run.migrations.slice(Math.max(before, 1)).map(({ fileName }) => fileName);
  // It finds what the migrations have installed, and takes it over.
  if (hadExtension) await run.client.query('create extension databricks_auth');
  else await updateExtension(run.client);
  return { applied };
}

/** What the migrations have added becomes the extension's, where there is one and the server has the files for it. */
async function updateExtension(client: pg.Client): Promise<void> {
  const { rows } = await client.query(
    `select from pg_catalog.pg_available_extensions a
       cross join lateral pg_catalog.pg_extension_update_paths(a.name) u
      where a.name = 'databricks_auth' and u.source = a.installed_version and u.target = a.default_version
            and a.installed_version <> a.default_version and u.path is not null`,
  );
  if (rows.length > 0) await client.query('alter extension databricks_auth update');
}

/**
 * CREATE EXTENSION came before the first migration: makes room for the migrations, which make the same objects. No
 * synced table can exist yet. Roles and their identities stay.
 * @returns whether there was one
 */
async function dropBareExtension(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query(
    `select from pg_catalog.pg_extension
      where extname = 'databricks_auth' and not exists (select from pg_catalog.pg_namespace where nspname = 'synced_tables')`,
  );
  if (rows.length === 0) return false;
  await client.query('begin');
  try {
    await client.query('drop extension databricks_auth; drop schema databricks_auth; drop schema __db_system; commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
  return true;
}

function migrationFailed({ place, progress }: Run, error: unknown): Error {
  const { code = 'XX000', message = String(error) } = (progress.failure ?? error) as Partial<pg.DatabaseError>;
  const reason = message.replace(/\.$/, '');
  const details = { database: place.database, file: progress.file, sql_state: code, reason };
  return syncedTablesError('MIGRATION_FAILED', details, error);
}

async function readPlace(client: pg.Client): Promise<Place> {
  const { rows } = await client.query<Place>(
    `select current_database() as database, current_user as role, rolsuper as "isSuperuser",
            current_setting('server_version_num')::int as "versionNumber", current_setting('server_version') as version
       from pg_catalog.pg_roles where rolname = current_user`,
  );
  const [place] = rows;
  if (!place) throw new Error('the session has no role');
  return place;
}

async function isUpToDate(client: pg.Client, migrations: readonly Migration[], place: Place): Promise<boolean> {
  const applied = await readAppliedMigrations(client);
  if (applied === null) return false;
  checkApplied(applied, migrations, place.database);
  return applied.length === migrations.length;
}

function checkApplied(applied: readonly AppliedMigration[], migrations: readonly Migration[], database: string): void {
  const known = migrations.length - 1;
  const newest = applied.at(-1)?.id ?? 0;
  if (newest > known) throw syncedTablesError('DATABASE_NEWER', { database, found: newest, known });
  for (const { id, hash } of applied) {
    const file = migrations[id]?.fileName ?? String(id);
    if (migrations[id]?.hash !== hash) throw syncedTablesError('MIGRATION_CHANGED', { database, file });
  }
}

/**
 * postgres-migrations names its table `migrations` without a schema, and takes any table of that name in the
 * database for its own: the search_path makes the name ours, and our table is made before it looks.
 */
const SETTINGS = { search_path: 'synced_tables, pg_temp', statement_timeout: '0' };

async function withMigrationSession<T>({ client, place, options }: Run, work: () => Promise<T>): Promise<T> {
  const { rows: before } = await client.query<{ name: string; value: string }>(
    'select name, current_setting(name) as value from unnest($1::text[]) as name',
    [[...Object.keys(SETTINGS), 'lock_timeout']],
  );
  const set = (name: string, value: string) => client.query('select set_config($1, $2, false)', [name, value]);
  const restore = async (): Promise<void> => {
    for (const { name, value } of before) await set(name, value);
    await releaseMigrationLock(client);
  };
  let result: T;
  try {
    for (const [name, value] of Object.entries(SETTINGS)) await set(name, value);
    const patience = options.patienceMs === undefined ? {} : { patienceMs: options.patienceMs };
    await takeMigrationLock(client, { database: place.database, ...patience });
    await set('lock_timeout', `${options.lockTimeoutMs ?? LOCK_TIMEOUT_MS}ms`);
    result = await work();
  } catch (error) {
    // A session too broken to be restored has lost its lock and settings anyway; `error` says why.
    await restore().catch(() => {});
    throw error;
  }
  await restore();
  return result;
}

/** Schema and table come together, so a schema without the table, or of a lesser owner, is somebody else's. */
async function makeMigrationsTable(client: pg.Client, { database }: Place): Promise<void> {
  const { rows } = await client.query<{ ours: boolean }>(
    `select owner.rolsuper and coalesce(table_owner.rolsuper, false) as ours
       from pg_catalog.pg_namespace n join pg_catalog.pg_roles owner on owner.oid = n.nspowner
       left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = 'migrations' and c.relkind = 'r'
       left join pg_catalog.pg_roles table_owner on table_owner.oid = c.relowner
      where n.nspname = 'synced_tables'`,
  );
  if (rows[0]?.ours === true) return;
  if (rows.length > 0) throw syncedTablesError('MIGRATION_SCHEMA_TAKEN', { database, schema: 'synced_tables' });
  // One string is one transaction. The columns are those of postgres-migrations' own number 0.
  await client.query(
    `create schema synced_tables;
     create table synced_tables.migrations (
       id integer constraint migrations_pk primary key, name varchar(100) constraint migrations_name_key unique not null,
       hash varchar(40) not null, executed_at timestamp default current_timestamp)`,
  );
}

/** What passes by itself: deadlocks and lock time-outs, and roles that a migration next door changes too. */
function isCollision(error: unknown): boolean {
  const { code = '', message = '' } = error as Partial<pg.DatabaseError>;
  return code.startsWith('40') || code === '55P03' || /tuple concurrently (updated|deleted)/.test(message);
}

/**
 * Applies what is missing. A file that collides with what users do meanwhile is rolled back and tried again.
 * @throws MIGRATION_BLOCKED naming the sessions in the way
 */
async function applyPatiently(run: Run): Promise<void> {
  const { client, place, progress } = run;
  for (let attempt = 1; ; attempt += 1) {
    progress.failure = undefined;
    try {
      return await applyMigrations(run);
    } catch (error) {
      if (!isCollision(progress.failure)) throw error;
      if (attempt === ATTEMPTS_MAX) {
        const sessions = (await sessionsInTheWay(client)).join(', ') || 'none at this moment';
        const reason = (progress.failure as Error).message;
        const details = { database: place.database, file: progress.file, attempts: attempt, reason, sessions };
        throw syncedTablesError('MIGRATION_BLOCKED', details, error);
      }
    }
    await sleep((run.options.pauseMs ?? PAUSE_MS_MIN) * 2 ** (attempt - 1) * (0.75 + Math.random() / 2));
  }
}

async function applyMigrations({ client, migrations, options, progress }: Run): Promise<void> {
  const fileBySql = new Map(migrations.map(({ sql, fileName }) => [sql, fileName]));
  const recorder = {
    query: async (query: string | pg.QueryConfig) => {
      if (typeof query === 'string') progress.file = fileBySql.get(query) ?? progress.file;
      try {
        return await client.query(query);
      } catch (error) {
        progress.failure ??= error;
        throw error;
      }
    },
  };
  // The package asks its client for nothing but `query`.
  const config = { client: recorder as unknown as pg.Client };
  await migrate(config, options.dir ?? migrationsDir, { logger: options.log ?? (() => {}) });
}
