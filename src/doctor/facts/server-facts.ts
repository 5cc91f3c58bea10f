import type pg from 'pg';

/** Facts about a server and its settings that concern synced tables. */
export interface ServerFacts {
  readonly version: string;
  readonly versionNumber: number;
  /** The login role. */
  readonly role: string;
  readonly isSuperuser: boolean;
  /** Why it accepts no writes; null if it does. */
  readonly readOnlyReason: string | null;
  readonly connectionsMax: number;
  readonly fsync: string;
  readonly fullPageWrites: string;
  readonly autovacuum: string;
  readonly walLevel: string;
  /** As Postgres writes it. */
  readonly walSizeMax: string;
  readonly walBytesMax: number;
  /** Milliseconds since 1970 by the clock of the server. */
  readonly clockMs: number;
}

/** Reads facts that any role can see. */
export async function readServerFacts(client: pg.Client): Promise<ServerFacts> {
  const { rows } = await client.query<ServerFacts>(SERVER_FACTS);
  const [facts] = rows;
  if (!facts) throw new Error('the server tells nothing of itself');
  return facts;
}

const SERVER_FACTS = `
  select current_setting('server_version') as version, current_setting('server_version_num')::int as "versionNumber",
         session_user as role, (select rolsuper from pg_roles where rolname = session_user) as "isSuperuser",
         case when pg_is_in_recovery() then 'it is a standby'
              when current_setting('default_transaction_read_only') = 'on' then 'default_transaction_read_only is on'
         end as "readOnlyReason",
         current_setting('max_connections')::int as "connectionsMax",
         current_setting('fsync') as fsync, current_setting('full_page_writes') as "fullPageWrites",
         current_setting('autovacuum') as autovacuum, current_setting('wal_level') as "walLevel",
         current_setting('max_wal_size') as "walSizeMax", pg_size_bytes(current_setting('max_wal_size'))::float8 as "walBytesMax",
         extract(epoch from clock_timestamp())::float8 * 1000 as "clockMs"`;

export interface IdleSlot {
  readonly slot: string;
  readonly bytes: number;
}

/** Replication slots that nobody reads and that retain more than `bytesMin` of WAL; none on a standby. */
export async function readIdleSlots(client: pg.Client, bytesMin: number): Promise<IdleSlot[]> {
  const { rows } = await client.query<IdleSlot>(
    `select slot_name as slot, pg_wal_lsn_diff(here.lsn, restart_lsn)::float8 as bytes
       from pg_replication_slots, (select case when not pg_is_in_recovery() then pg_current_wal_lsn() end as lsn) here
      where not active and restart_lsn is not null and pg_wal_lsn_diff(here.lsn, restart_lsn) > $1`,
    [bytesMin],
  );
  return rows;
}

/** Logical slots of this database in use: each decodes everything written here. */
export async function readDecodingSlots(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ slot: string }>(
    `select slot_name as slot from pg_replication_slots
      where slot_type = 'logical' and database = current_database() order by slot_name`,
  );
  return rows.map(({ slot }) => slot);
}

export interface LongTransaction {
  readonly pid: number;
  /** `user, application`. */
  readonly session: string;
  readonly minutes: number;
  readonly state: string;
}

/**
 * Transactions of this database open for at least `minutesMin`; those of others are visible only to members of
 * pg_read_all_stats.
 */
export async function readLongTransactions(client: pg.Client, minutesMin: number): Promise<LongTransaction[]> {
  const { rows } = await client.query<LongTransaction>(
    `select pid, format('%s (%s %s)', pid, usename, application_name) as session, state,
            floor(extract(epoch from clock_timestamp() - xact_start) / 60)::int as minutes
       from pg_stat_activity
      where datname = current_database() and usesysid is not null and pid <> pg_backend_pid()
        and xact_start < clock_timestamp() - make_interval(mins => $1)
        and application_name not like 'synced-tables %' order by xact_start limit 5`,
    [minutesMin],
  );
  return rows;
}
