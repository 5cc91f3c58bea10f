import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { migrate } from 'postgres-migrations';
import { asSyncedTablesError, type SyncedTablesError, syncedTablesError } from '../../core/errors.js';
import { othersReason } from '../../core/reasons/postgres-reason.js';
import { applyLayer } from './apply-layer.js';
import { requireEncoding } from './encoding.js';
import { compareReleases, type InstalledSchema, readInstalledSchema, readNewestBreaking } from './installed-schema.js';
import { asInstaller, finishAsAdministrator, INSTALLER_ROLE, notOwner, prepareInstaller } from './installer.js';
import { MIGRATIONS_TABLE, type Migration, ownRelease, readMigrations, sqlDir } from './migration-files.js';
import { releaseMigrationLock, sessionsInTheWay, takeMigrationLock } from './migration-lock.js';
import { readSqlLayer, type SqlLayer } from './sql-layer.js';

export interface MigrateOptions {
  /** The folder `sql`; the product's own unless a test says otherwise. */
  readonly dir?: string;
  /** Which release this is; the product's own unless a test says otherwise. */
  readonly release?: string;
  readonly log?: (line: string) => void;
  /** How long another migration is waited for. Default a minute. */
  readonly patienceMs?: number;
  /** How long a statement waits for a lock of a user's transaction, before the file is rolled back and tried again. */
  readonly lockTimeoutMs?: number;
  /** The first of the growing pauses between its tries. */
  readonly pauseMs?: number;
}

export interface MigrationResult {
  /** Numbered files, in order. */
  readonly applied: readonly string[];
  /** Whether functions, views and triggers were replaced. */
  readonly hasReplacedRoutines: boolean;
}

const NOTHING_DONE: MigrationResult = { applied: [], hasReplacedRoutines: false };

/** Requests of users queue behind a migration that waits for a table, so it lets them pass now and then. */
const LOCK_TIMEOUT_MS = 5_000;
const ATTEMPTS_MAX = 6;
const PAUSE_MS_MIN = 500;

interface Place {
  readonly database: string;
  readonly role: string;
  readonly isSuperuser: boolean;
  /** The role that owns our schemas; null before the first migration. */
  readonly owner: string | null;
  /** Whether the role is an administrator's, who may act as the owner. */
  readonly mayActAsOwner: boolean;
  readonly versionNumber: number;
  readonly version: string;
  readonly encoding: string;
}

/**
 * Brings the database of `client` to the schema of this release, and says which numbered files it applied, and whether it
 * replaced functions, views and triggers. Nothing when all was there already, or when a newer release has been here whose
 * schema this one can work with. Safe to run again, and twice at once. The session keeps its search_path.
 * @param client a connected session; a superuser's or an administrator's unless nothing is to be done
 * @throws DATABASE_TOO_OLD, DATABASE_ENCODING_UNSUPPORTED, DATABASE_NEWER, DATABASE_OF_PREVIEW, MIGRATION_NOT_ALLOWED,
 *   MIGRATION_CHANGED, MIGRATION_SCHEMA_TAKEN, MIGRATION_LOCKED, MIGRATION_BLOCKED, MIGRATION_IN_USE, MIGRATION_FAILED; a
 *   step that failed has left nothing behind, those before stay
 */
export async function migrateDatabase(client: pg.Client, options: MigrateOptions = {}): Promise<MigrationResult> {
  const ours = await readOurs(options);
  const place = await readPlace(client);
  if (place.versionNumber < 150_000) {
    throw syncedTablesError('DATABASE_TOO_OLD', { database: place.database, version: place.version });
  }
  const installed = await readInstalledSchema(client);
  // Where functions are installed, the encoding has what they need.
  if ((installed?.layerHash ?? '') === '') requireEncoding(place);
  const isByAdministrator = !place.isSuperuser && (place.owner ?? INSTALLER_ROLE) === INSTALLER_ROLE;
  if (isUpToDate(installed, ours, place.database)) {
    // What the server did not let the administrator do then, it may let him do now.
    if (isByAdministrator && place.mayActAsOwner) await finishAsAdministrator(client, place);
    return NOTHING_DONE;
  }
  if (!place.isSuperuser && !isByAdministrator) throw notOwner(place, place.owner ?? '');
  const run: Run = { client, place, ours, options, progress: { step: ours.migrations[0]?.fileName ?? '' } };
  try {
    return await withMigrationSession(run, async () => {
      if (isByAdministrator) await prepareInstaller(client, place);
      const owner = isByAdministrator || place.owner === INSTALLER_ROLE ? INSTALLER_ROLE : null;
      const result = await asInstaller(client, owner, () => migrateUnderLock(run));
      if (isByAdministrator) await finishAsAdministrator(client, place);
      return result;
    });
  } catch (error) {
    throw asSyncedTablesError(error) ?? migrationFailed(run, error);
  }
}

/**
 * How many numbered files of this release the database lacks, and whether its functions and views are those of another
 * one that this release would replace.
 * @param own for those who look at several databases, or have read the files meanwhile
 * @throws DATABASE_ENCODING_UNSUPPORTED, DATABASE_NEWER, DATABASE_OF_PREVIEW, MIGRATION_CHANGED
 */
export async function pendingMigrations(
  client: pg.Client,
  own = readOwnSchema(),
): Promise<{ applied: number; pending: number; isLayerOutdated: boolean }> {
  // Files are read while the server answers.
  const [ours, installed] = await Promise.all([own, readInstalledSchema(client)]);
  const place = await readPlace(client);
  if ((installed?.layerHash ?? '') === '') requireEncoding(place);
  const isCurrent = isUpToDate(installed, ours, place.database);
  const applied = installed?.applied.length ?? 0;
  const pending = Math.max(0, ours.migrations.length - applied);
  return { applied, pending, isLayerOutdated: !isCurrent && pending === 0 };
}

/** Number of the newest numbered file of this release. */
export async function newestKnownMigration(): Promise<number> {
  return (await readMigrations()).length - 1;
}

/**
 * DATABASE_NEWER when a newer release has made the schema one that this release cannot work with; else null.
 * @param known from `newestKnownMigration`, read when the process began: the files may be replaced while it runs
 */
export async function explainIfOutdated(client: pg.Client, known: number): Promise<SyncedTablesError | null> {
  const found = await readNewestBreaking(client);
  if (found <= known) return null;
  const { database } = await readPlace(client);
  return syncedTablesError('DATABASE_NEWER', { database, found, known });
}

/** What this release would install. */
export interface OwnSchema {
  readonly migrations: readonly Migration[];
  readonly layer: SqlLayer;
  readonly release: string;
}

/** Reads the files of this release. */
export function readOwnSchema(): Promise<OwnSchema> {
  return readOurs({});
}

async function readOurs({ dir = sqlDir, release = ownRelease() }: MigrateOptions): Promise<OwnSchema> {
  const [migrations, layer] = await Promise.all([readMigrations(dir), readSqlLayer(dir)]);
  return { migrations, layer, release };
}

interface Run {
  readonly client: pg.Client;
  readonly place: Place;
  readonly ours: OwnSchema;
  readonly options: MigrateOptions;
  /** What postgres-migrations does not tell: the file at work, and the error of the server below its own. */
  readonly progress: { step: string; failure?: unknown };
}

async function migrateUnderLock(run: Run): Promise<MigrationResult> {
  const { client, ours, place } = run;
  const hadExtension = await dropBareExtension(client);
  await makeMigrationsTable(client, place);
  // Looked at again under the lock: another session may have migrated while this one waited.
  const installed = await readInstalledSchema(client);
  if (isUpToDate(installed, ours, place.database)) return NOTHING_DONE;
  const before = installed?.applied.length ?? 0;
  await patiently(run, async () => {
    await applyMigrations(run);
    await applyLayer(client, ours.layer, { release: ours.release, onStep: (step) => setStep(run, step) });
  });
  // It finds what the migrations have installed, and takes it over.
  if (hadExtension) await client.query('create extension databricks_auth');
  const applied = ours.migrations.slice(Math.max(before, 1)).map(({ fileName }) => fileName);
  return { applied, hasReplacedRoutines: true };
}

function setStep({ progress }: Run, step: string): void {
  progress.step = step;
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

function migrationFailed({ place, progress }: Run, error: unknown): SyncedTablesError {
  const failure = (progress.failure ?? error) as Partial<pg.DatabaseError>;
  const { code = 'XX000', message = String(error), detail = '' } = failure;
  const { database } = place;
  if (code === '2BP01') {
    const dependents = detail.replaceAll('\n', '; ') || message;
    return syncedTablesError('MIGRATION_IN_USE', { database, dependents }, error);
  }
  // Event triggers of others run along.
  const reason = othersReason({ ...failure, message }) ?? message.replace(/\.$/, '');
  return syncedTablesError('MIGRATION_FAILED', { database, file: progress.step, sql_state: code, reason }, error);
}

async function readPlace(client: pg.Client): Promise<Place> {
  const { rows } = await client.query<Place>(
    `select current_database() as database, current_user as role, rolsuper as "isSuperuser",
            (select n.nspowner::regrole::text from pg_catalog.pg_namespace n where n.nspname = 'synced_tables') as owner,
            coalesce(rolcreaterole and pg_catalog.pg_has_role(pg_catalog.to_regrole('${INSTALLER_ROLE}'), 'member'), false) as "mayActAsOwner",
            current_setting('server_version_num')::int as "versionNumber", current_setting('server_version') as version,
            current_setting('server_encoding') as encoding
       from pg_catalog.pg_roles where rolname = current_user`,
  );
  const [place] = rows;
  if (!place) throw new Error('the session has no role');
  return place;
}

/**
 * Whether nothing is to be done: all of ours is there, or what is there is newer and we can work with it.
 * @throws DATABASE_NEWER, DATABASE_OF_PREVIEW, MIGRATION_CHANGED
 */
function isUpToDate(
  installed: InstalledSchema | null,
  { migrations, layer, release }: OwnSchema,
  database: string,
): boolean {
  if (installed === null) return false;
  const { applied, newestBreaking } = installed;
  // Before 0.1.0 the files were numbered in another way; number 1 of those made roles too.
  if (applied[1]?.name === 'roles_and_schemas') throw syncedTablesError('DATABASE_OF_PREVIEW', { database });
  const known = migrations.length - 1;
  if (newestBreaking > known) {
    throw syncedTablesError('DATABASE_NEWER', { database, found: newestBreaking, known });
  }
  for (const { id, hash } of applied.slice(0, migrations.length)) {
    const file = migrations[id]?.fileName ?? String(id);
    if (migrations[id]?.hash !== hash) throw syncedTablesError('MIGRATION_CHANGED', { database, file });
  }
  if (applied.length < migrations.length) return false;
  // Functions of an older release never replace those of a newer one.
  const isNewer = applied.length > migrations.length || compareReleases(release, installed.release) < 0;
  return isNewer || installed.layerHash === layer.hash;
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
    `select (owner.rolsuper or owner.rolname = '${INSTALLER_ROLE}')
              and coalesce(table_owner.rolsuper or table_owner.rolname = '${INSTALLER_ROLE}', false) as ours
       from pg_catalog.pg_namespace n join pg_catalog.pg_roles owner on owner.oid = n.nspowner
       left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = 'migrations' and c.relkind = 'r'
       left join pg_catalog.pg_roles table_owner on table_owner.oid = c.relowner
      where n.nspname = 'synced_tables'`,
  );
  if (rows[0]?.ours === true) return;
  if (rows.length > 0) throw syncedTablesError('MIGRATION_SCHEMA_TAKEN', { database, schema: 'synced_tables' });
  // One string is one transaction.
  await client.query(`create schema synced_tables; ${MIGRATIONS_TABLE}`);
}

/** What passes by itself: deadlocks and lock time-outs, and roles that a migration next door changes too. */
function isCollision(error: unknown): boolean {
  const { code = '', message = '' } = error as Partial<pg.DatabaseError>;
  return code.startsWith('40') || code === '55P03' || /tuple concurrently (updated|deleted)/.test(message);
}

/**
 * Does what is missing. What collides with statements of users is rolled back and tried again.
 * @throws MIGRATION_BLOCKED naming the sessions in the way
 */
async function patiently(run: Run, work: () => Promise<void>): Promise<void> {
  const { client, place, progress } = run;
  for (let attempt = 1; ; attempt += 1) {
    progress.failure = undefined;
    try {
      return await work();
    } catch (error) {
      const failure = progress.failure ?? error;
      if (!isCollision(failure)) throw error;
      if (attempt === ATTEMPTS_MAX) {
        const sessions = (await sessionsInTheWay(client)).join(', ') || 'none at this moment';
        const reason = (failure as Error).message;
        const details = { database: place.database, file: progress.step, attempts: attempt, reason, sessions };
        throw syncedTablesError('MIGRATION_BLOCKED', details, error);
      }
    }
    await sleep((run.options.pauseMs ?? PAUSE_MS_MIN) * 2 ** (attempt - 1) * (0.75 + Math.random() / 2));
  }
}

/** Runs the numbered files that are missing, each in a transaction of its own. */
async function applyMigrations(run: Run): Promise<void> {
  const { client, ours, options, progress } = run;
  const fileBySql = new Map(ours.migrations.map(({ sql, fileName }) => [sql, fileName]));
  const recorder = {
    query: async (query: string | pg.QueryConfig) => {
      if (typeof query === 'string') setStep(run, fileBySql.get(query) ?? progress.step);
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
  await migrate(config, options.dir ?? sqlDir, { logger: options.log ?? (() => {}) });
}
