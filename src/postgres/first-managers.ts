import type pg from 'pg';

/**
 * A released migration, 19_rights_by_register, grants managers what they may read before it has said what that is, so it
 * fails where there are managers already. It cannot change any more; while it runs, an event trigger says it in time.
 */
export async function withFirstManagers<T>(client: pg.Client, migrate: () => Promise<T>): Promise<T> {
  const { rows } = await client.query<{ needed: boolean }>(
    `select to_regclass('databricks_auth.managers') is not null and to_regclass('synced_tables._granted_relations') is null as needed`,
  );
  if (rows[0]?.needed !== true) return migrate();
  await client.query(
    `${TAKE_AWAY};
     create function synced_tables._say_what_managers_read() returns event_trigger language plpgsql
     set search_path = pg_catalog, pg_temp as $$
     begin
       if exists (select from pg_event_trigger_ddl_commands() d where d.object_identity = 'synced_tables._granted_relations') then
         insert into synced_tables._granted_relations (relation, audience) values ('status', 'managers');
       end if;
     end $$;
     revoke execute on function synced_tables._say_what_managers_read() from public;
     create event trigger synced_tables_first_managers on ddl_command_end when tag in ('CREATE TABLE')
       execute function synced_tables._say_what_managers_read()`,
  );
  try {
    return await migrate();
  } finally {
    // What a broken session leaves does nothing any more, and goes with the next migration.
    await client.query(TAKE_AWAY).catch(() => {});
  }
}

const TAKE_AWAY = `drop event trigger if exists synced_tables_first_managers; drop function if exists synced_tables._say_what_managers_read()`;
