import { describe, expect, it } from 'vitest';
import { goEveryWay, invitePeople } from '../support/every-way.js';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';

// Goal: whatever the owner of a database sets for it, everything works as if it had not been set.

/** Settings that ordinary roles may change, with values that could hurt. */
const HOSTILE: Readonly<Record<string, string>> = {
  array_nulls: 'off',
  backslash_quote: 'off',
  bytea_output: 'escape',
  check_function_bodies: 'off',
  client_min_messages: 'error',
  DateStyle: 'German, DMY',
  default_transaction_deferrable: 'on',
  default_transaction_isolation: 'serializable',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  escape_string_warning: 'on',
  extra_float_digits: '-15',
  from_collapse_limit: '1',
  gin_fuzzy_search_limit: '1',
  idle_in_transaction_session_timeout: '3s',
  idle_session_timeout: '3s',
  IntervalStyle: 'sql_standard',
  join_collapse_limit: '1',
  jit: 'on',
  max_parallel_workers_per_gather: '0',
  plan_cache_mode: 'force_generic_plan',
  quote_all_identifiers: 'on',
  row_security: 'off',
  search_path: 'nowhere',
  standard_conforming_strings: 'off',
  synchronous_commit: 'off',
  TimeZone: 'Asia/Kathmandu',
  transaction_timeout: '3s',
  transform_null_equals: 'on',
  work_mem: '64kB',
  xmlbinary: 'hex',
  xmloption: 'document',
};

/** What people who wait between two calls, and do not repeat them, have to set for their own sessions. */
const FOR_PEOPLE: Readonly<Record<string, string>> = {
  default_transaction_isolation: 'read committed',
  idle_in_transaction_session_timeout: '0',
  idle_session_timeout: '0',
  transaction_timeout: '0',
};

async function everythingUnder(lake: SyncedLake, names: readonly string[]): Promise<void> {
  const { rows } = await lake.admin.query<{ name: string }>('select name from pg_settings where name = any ($1)', [
    names,
  ]);
  for (const { name } of rows) {
    await lake.admin.query(
      `do $$ begin execute format('alter database %I set ${name} = %L', current_database(), '${HOSTILE[name]}'); end $$`,
    );
  }
  await using people = await invitePeople(lake);
  for (const client of [people.operator, people.manager]) {
    for (const [name, value] of Object.entries(FOR_PEOPLE)) {
      if (rows.some((row) => row.name === name)) await client.query(`set ${name} = '${value}'`);
    }
  }
  await lake.startSidecar({ pollSeconds: 1 });
  await goEveryWay(lake, people, 'settings');
}

describe.each(postgresServers())('hostile settings of a database on $name', (server) => {
  it('change nothing, all at once', async () => {
    await using lake = await SyncedLake.create(server);
    await everythingUnder(lake, Object.keys(HOSTILE));
  });

  it.runIf(process.env.TEST_LONG === '1').each(Object.keys(HOSTILE))('change nothing: %s', async (name) => {
    await using lake = await SyncedLake.create(server);
    await everythingUnder(lake, [name]);
  });

  it('leave none to chance: each setting that ordinary roles may change is reset, harmless, or tried here', async () => {
    await using lake = await SyncedLake.create(server);
    const { rows } = await lake.admin.query<{ name: string }>(
      `select name from pg_settings where context = 'user' and category like any (array[
         'Client Connection Defaults%', 'Version and Platform Compatibility%']) and name <> all ($1) order by 1`,
      [Object.keys(HOSTILE)],
    );
    const isHarmless = (name: string) => HARMLESS.includes(name) || name.startsWith('vacuum_');
    expect(rows.map(({ name }) => name).filter((name) => !isHarmless(name))).toEqual([]);
  });
});

/** Where things go, what is logged, texts in a language of the system, and what only plans and clean-up depend on. */
const HARMLESS = [
  'application_name',
  'client_connection_check_interval',
  'client_encoding', // set by the driver when it connects
  'createrole_self_grant',
  'default_statistics_target',
  'default_table_access_method',
  'default_tablespace',
  'default_text_search_config',
  'default_toast_compression',
  'default_transaction_read_only', // respected: servers that run out of room set it; doctor tells
  'event_triggers',
  'gin_pending_list_limit',
  'icu_validation_level',
  'lc_monetary',
  'lc_numeric',
  'lc_time',
  'local_preload_libraries',
  'lock_timeout', // set by each session
  'restrict_nonsystem_relation_kind',
  'statement_timeout', // set by each session
  'synchronize_seqscans',
  'temp_tablespaces',
  'timezone_abbreviations',
  'transaction_deferrable',
  'transaction_isolation',
  'transaction_read_only',
];
