import { afterEach, describe, expect, it } from 'vitest';
import { migrateDatabase } from '../../src/postgres/install/migrate.js';
import { createTestDatabase, postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: where a trigger of others makes an update or a migration fail, its function is named, and nothing that it says of
// rows.

const MARK = 'Adalovelace';
/** Rights that the sidecar lacks, as the body of a trigger's function meets them. */
const AUDIT = `create schema aud; create table aud.log (what text);
  create function public.note_ddl() returns event_trigger language plpgsql as
    $$ begin insert into aud.log select object_identity from pg_event_trigger_ddl_commands(); end $$;
  create event trigger zz_audit on ddl_command_end execute function public.note_ddl()`;

describe.each(postgresServers())('code of others on $name', (server) => {
  let lake: SyncedLake | null = null;
  afterEach(async () => {
    await lake?.admin.query('drop event trigger if exists zz_audit');
    await lake?.[Symbol.asyncDispose]();
    lake = null;
  });

  it.each(['SNAPSHOT', 'TRIGGERED'])('names the function of an event trigger that lacks rights: %s', async (policy) => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
    const source = await lake.lake.createTable('a.t', { id: 'long', v: 'string' }, `select 1 as id, 'x' as v`);
    const update = await lake.value(
      `select synced_tables.create_synced_table('a.t', 'lake.a.t', array['id'], scheduling_policy => $1, allow_file_diff => $1 <> 'SNAPSHOT')`,
      [policy],
    );
    await lake.wait(update ?? '');
    await lake.admin.query(AUDIT);
    await source.append(`select 2 as id, '${MARK}' as v`);
    const refusal = await refusalOf(lake.sync('a.t', true));
    expect(refusal.message).toContain('function public.note_ddl() failed with SQLSTATE 42501 (insufficient privilege)');
    expect(refusal.message).not.toContain(MARK);
  });

  it('names the function of a trigger on the table, and no value', async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
    const source = await lake.lake.createTable('a.t', { id: 'long', v: 'string' }, `select 1 as id, 'x' as v`);
    const update = await lake.value(
      `select synced_tables.create_synced_table('a.t', 'lake.a.t', array['id'], scheduling_policy => 'TRIGGERED', allow_file_diff => true)`,
    );
    await lake.wait(update ?? '');
    await lake.admin.query(`create function public.note_row() returns trigger language plpgsql as
      $$ begin raise exception 'no %', new.v; end $$;
      set databricks_auth.allow_ddl = on; create trigger audit_rows after insert on a.t for each row execute function public.note_row()`);
    await source.append(`select 2 as id, '${MARK}' as v`);
    const refusal = await refusalOf(lake.sync('a.t'));
    expect(refusal.message).toContain('function public.note_row() failed with SQLSTATE P0001');
    expect(refusal.message).not.toContain(MARK);
  });

  it('names it where a migration fails', async () => {
    await using database = await createTestDatabase(server);
    const client = await database.connect();
    await client.query(AUDIT.replace('insert into', 'insert into aud.missing select 1; insert into'));
    const failure = await migrateDatabase(client).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'MIGRATION_FAILED',
      message: expect.stringContaining('function note_ddl() failed with SQLSTATE 42P01'),
    });
  });
});
