import type { Severity } from './finding.js';

interface FindingKind {
  readonly severity: Severity;
  /** `{name}` is a placeholder. */
  readonly message: string;
  readonly remedy: string | null;
}

const REPAIR =
  'Run as a superuser, or after SET ROLE databricks_installer where there is such a role: SELECT * FROM synced_tables.repair();';

/** What `synced-tables doctor` can find apart from errors of the catalogue. Codes are never renamed. */
export const findingKinds = {
  SETTINGS_READ: { severity: 'ok', message: 'Settings come from {origin}.', remedy: null },
  MACHINE_READY: { severity: 'ok', message: 'Node {node}; {free} free in {folder}.', remedy: null },
  NODE_TOO_OLD: {
    severity: 'error',
    message: 'Node is {found}; {needed} or newer is needed.',
    remedy: 'Install a newer Node.',
  },
  TEMPORARY_FOLDER_UNUSABLE: {
    severity: 'error',
    message: 'The temporary folder {folder} cannot be used: {reason}.',
    remedy: 'Make it writable, or name another one: engine.temporary_folder in the settings.',
  },
  DISK_SPACE_LOW: {
    severity: 'warning',
    message: '{free} free in the temporary folder {folder}; updates may need {needed} at once.',
    remedy: 'Free space there, or lower storage.spool_mb or sync.concurrent_updates in the settings.',
  },
  PROGRAM_MISSING: {
    severity: 'error',
    message: 'Program {program} cannot be run: {reason}.',
    remedy: 'Install it (it belongs to coreutils), or correct PATH: rows travel through a named pipe.',
  },
  CATALOGS_NONE: {
    severity: 'warning',
    message: 'The settings name no catalog, so no source table can be read.',
    remedy: 'Add one under "catalogs", or set SYNCED_TABLES_LAKE; see docs/reference/settings.md.',
  },
  CATALOG_READY: { severity: 'ok', message: '{place} answers.', remedy: null },
  CATALOG_NOT_CONFIGURED: {
    severity: 'warning',
    message: 'Tables are synced from catalog {catalog}, which these settings do not name: {tables}.',
    remedy: 'Add the catalog to the settings of the sidecar.',
  },
  SERVER_READY: { severity: 'ok', message: 'PostgreSQL {version} answers.', remedy: null },
  POOLER_READY: {
    severity: 'ok',
    message: 'Requests go through {server}, everything else directly to {direct}.',
    remedy: null,
  },
  SERVER_READ_ONLY: {
    severity: 'error',
    message: 'The server takes no writes: {reason}.',
    remedy: 'Name the primary server in the settings, or turn the setting off.',
  },
  CLOCK_DIFFERS: {
    severity: 'warning',
    message: 'The clocks of this machine and of the server differ by {seconds} s.',
    remedy: 'Synchronise both with a time server: expiry of tokens and credentials, and lags, depend on the clocks.',
  },
  CONNECTIONS_SCARCE: {
    severity: 'warning',
    message: '{free} of {max} connections are free; a sidecar with these settings may open about {needed}.',
    remedy:
      'Raise max_connections, close sessions that nobody needs, or lower sync.sessions in the settings, to 8 at least.',
  },
  CRASH_UNSAFE: {
    severity: 'warning',
    message: '{setting} is off: a crash of the server may damage or lose what was synced.',
    remedy: 'Turn it on, unless this server is for trials only.',
  },
  AUTOVACUUM_OFF: {
    severity: 'warning',
    message: 'autovacuum is off: tables that take changes grow, and transaction ids run out.',
    remedy: 'Turn it on.',
  },
  WAL_SMALL: {
    severity: 'hint',
    message: 'max_wal_size is {size}: large loads trigger a checkpoint each time that much has been written.',
    remedy: 'Raise it to 4GB or more where the disk allows.',
  },
  WAL_LEVEL_LOGICAL: {
    severity: 'hint',
    message: 'wal_level is logical, and slots decode this database: {slots}. They read all rows of every load.',
    remedy: 'Leave it if they keep up; leave synced tables out of publications (a subscriber refuses their writes).',
  },
  IDENTITY_MISSING: {
    severity: 'error',
    message: 'Publication {publication} stops deletes from {tables}, which have no replica identity: calls fail.',
    remedy: REPAIR,
  },
  REFRESHES_PUBLISHED: {
    severity: 'hint',
    message:
      'Publication {publication} includes the schema __db_system: each refresh of a synced table reaches its subscribers as inserts into a table that they do not have, which stops a subscription of Postgres.',
    remedy:
      'Publish the tables that you need by name, or leave out our schemas in the reader: see docs/guides/replication.md.',
  },
  SLOT_HOLDS_WAL: {
    severity: 'warning',
    message: 'Replication slot {slot} is not in use and keeps {size} of WAL on the disk of the server.',
    remedy: "Start its reader, or drop it: SELECT pg_drop_replication_slot('{slot}');",
  },
  LONG_TRANSACTION: {
    severity: 'warning',
    message: 'Session {session} has had a transaction open for {minutes} min: {state}.',
    remedy:
      'End it, or SELECT pg_terminate_backend({pid}); it may hold up the switch to new rows, and keeps dead rows from being removed.',
  },
  DATABASE_READY: { severity: 'ok', message: 'The SQL side is installed ({migrations} migrations).', remedy: null },
  DATABASE_BEHIND: {
    severity: 'warning',
    message: 'Migrations of this version that are not applied yet: {pending}.',
    remedy:
      'Run "synced-tables migrate" as the superuser or administrator who installed it, or start the sidecar with that connection string.',
  },
  FUNCTIONS_BEHIND: {
    severity: 'warning',
    message: 'Functions and views in the database are those of an older version of synced-tables.',
    remedy:
      'Run "synced-tables migrate" as the superuser or administrator who installed it, or start the sidecar with that connection string.',
  },
  EXTENSION_BEHIND: {
    severity: 'warning',
    message: 'Extension databricks_auth is at {installed}; the server has the files of {available}.',
    remedy: 'Run "synced-tables migrate", or as a superuser: ALTER EXTENSION databricks_auth UPDATE;',
  },
  ENCODING_NOT_UTF8: {
    severity: 'warning',
    message: 'The database is encoded in {encoding}: rows with other characters cannot be stored.',
    remedy: 'Use a database with ENCODING UTF8.',
  },
  ENCODING_UNCHECKED: {
    severity: 'hint',
    message:
      'The database is encoded in {encoding}: texts of synced tables are UTF-8 there, but Postgres counts, cuts and compares them as bytes.',
    remedy: 'Prefer a database with ENCODING UTF8.',
  },
  ROLE_READY: { severity: 'ok', message: 'Role {role} may run a sidecar.', remedy: null },
  ROLE_NOT_SIDECAR: {
    severity: 'warning',
    message:
      'Role {role} of the connection string cannot act as databricks_sync, so no sidecar can run with it; parts of this examination were skipped.',
    remedy: 'GRANT databricks_sync TO {grantee}; or use the connection string of the sidecar.',
  },
  ROLE_MISSING: { severity: 'error', message: 'Role {role} is missing.', remedy: REPAIR },
  ROLE_TOO_STRONG: {
    severity: 'warning',
    message: 'Role databricks_sync is a superuser; the guard and row security do not bind it.',
    remedy: 'ALTER ROLE databricks_sync NOSUPERUSER;',
  },
  GUARD_READY: { severity: 'ok', message: 'The guard is whole; tables that it protects: {tables}.', remedy: null },
  GUARD_BY_OWNERSHIP: {
    severity: 'hint',
    message:
      'Synced tables are guarded by ownership alone, because role {role} may not make event triggers here: managers index with synced_tables.create_index and drop_index, and the owner of a schema can drop the tables in it. Tables that it protects: {tables}.',
    remedy:
      'See docs/guides/managed-postgres.md for what differs, and for how an administrator makes the event triggers.',
  },
  MEMBERSHIP_MISSING: {
    severity: 'hint',
    message: 'Role {grantee} is not a member of {role}: {effect}.',
    remedy: 'If that is wanted, have a role with the ADMIN option on {role} run: GRANT {role} TO {grantee};',
  },
  GUARD_DAMAGED: { severity: 'error', message: 'The guard of synced tables is damaged: {parts}.', remedy: REPAIR },
  RIGHTS_MISSING: {
    severity: 'error',
    message: 'Rights are missing without which updates, calls or commands of other roles fail: {rights}.',
    remedy: REPAIR,
  },
  TABLE_UNPROTECTED: { severity: 'error', message: 'Its protection is damaged: {parts}.', remedy: REPAIR },
  SIDECAR_RUNNING: {
    severity: 'ok',
    message: 'Sidecars connected: {count}; pipelines that are run at this moment: {leases}.',
    remedy: null,
  },
  SIDECAR_MISSING: {
    severity: 'warning',
    message: 'No sidecar is connected.',
    remedy: 'Start one: synced-tables serve',
  },
  SIDECAR_NEEDED: {
    severity: 'error',
    message: 'No sidecar is connected, and updates wait for one ({waiting}, the oldest for {minutes} min).',
    remedy: 'Start one: synced-tables serve',
  },
  SIDECAR_SILENT: {
    severity: 'error',
    message: 'A sidecar is connected, but has asked nothing for {seconds} s.',
    remedy: 'See its log and /healthz; restart it. Updates that it runs are taken over when their lease expires.',
  },
  UPDATE_OF_UNKNOWN_CATALOG: {
    severity: 'error',
    message:
      'Update {update} waits for a sidecar with catalog {catalogs} in its settings; those that run have: {configured}.',
    remedy: 'Add the catalog to the settings of a sidecar and restart it; see synced_tables.sidecars.',
  },
  UPDATE_ABANDONED: {
    severity: 'warning',
    message: 'Update {update} counts as running, but its sidecar has not renewed its lease for {seconds} s.',
    remedy: 'A running sidecar takes it over by itself: start one, or see the log of the one that runs.',
  },
  UPDATE_WAITING: {
    severity: 'warning',
    message: 'Update {update} has been due for {minutes} min, and no sidecar has begun it.',
    remedy: 'Sidecars may be busy (sync.concurrent_updates); see their log, and synced_tables.updates.',
  },
  UPDATE_RETRIED: {
    severity: 'warning',
    message: 'Update {update} has failed {attempts} times and is tried again: {reason}',
    remedy: 'Fix what the message names; see synced_tables.events.',
  },
  SCHEDULE_LATE: {
    severity: 'warning',
    message: 'Its schedule was due {minutes} min ago.',
    remedy: 'Start a sidecar: missed runs are made up once.',
  },
  SCHEDULE_BROKEN: {
    severity: 'error',
    message: 'Its schedule does not run: {reason}',
    remedy: 'Set it again: synced-tables schedule',
  },
  ROLES_LEFT: {
    severity: 'hint',
    message: 'DROP DATABASE has left owner roles of synced tables behind ({count}), such as {role}.',
    remedy: 'A running sidecar drops them within the hour; or at once: SELECT * FROM synced_tables.drop_left_roles();',
  },
  DUMP_NEEDS_PARTITIONS: {
    severity: 'hint',
    message:
      'pg_dump -t and -n leave out the rows of synced tables, which are in partitions in schema __db_system; a dump of the whole database has them.',
    remedy: 'docs/guides/leaving.md has the options that dump single tables and schemas with their rows.',
  },
  TABLES_FINE: { severity: 'ok', message: 'Synced tables: {tables}; none failed, none far behind.', remedy: null },
  NOTICES_WAIT: {
    severity: 'warning',
    message: 'The webhook has not taken {count} notices yet, the oldest from {since}.',
    remedy: 'The log of the sidecar says what it answers; see notices.webhook in the settings.',
  },
  TABLE_CHANGED_BY_HAND: {
    severity: 'warning',
    message: 'It was changed by hand since {since}, first by {role}, so it may differ from its source.',
    remedy: 'Mend it: synced-tables sync {table}.',
  },
  TABLE_PAUSED: {
    severity: 'hint',
    message: 'Its pipeline is paused, by {role} since {since}.',
    remedy: 'Resume it when it is to go on: synced-tables resume {table}.',
  },
  TABLE_BEHIND: {
    severity: 'warning',
    message: 'It is {versions} versions, {seconds} s, behind its source.',
    remedy: 'See synced-tables events {table}.',
  },
  TABLE_WAITS: {
    severity: 'hint',
    message: 'Its source had {versions} newer versions when it was last looked at.',
    remedy: 'Ask for an update (synced-tables sync {table}), or set a schedule.',
  },
  SHADOW_ORPHANED: {
    severity: 'warning',
    message: 'Shadow table __db_system.{shadow} ({size}) is left over from an update that has ended.',
    remedy: 'A running sidecar drops it within a minute, unless a session holds it; see pg_locks.',
  },
} as const satisfies Record<string, FindingKind>;

export type FindingCode = keyof typeof findingKinds;
