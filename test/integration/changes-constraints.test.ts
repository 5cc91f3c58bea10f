import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: foreign keys and unique indexes that people hang on a synced table neither break nor bend what is synced.

const columns = { org: 'long', id: 'long', email: 'string' };
const names = Object.keys(columns);
const members = `select i // 10 as org, i as id, 'mail' || i as email from range(100) t(i)`;
/** Everybody in an organisation takes the address of the next one. */
const shifted = `select i // 10 as org, i as id, 'mail' || (i // 10 * 10 + (i + 1) % 10) as email from range(100) t(i)`;

describe.each(postgresServers())('constraints of users on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  async function follow(target: string, key: readonly string[]): Promise<void> {
    const update = await lake.value(
      `select synced_tables.create_synced_table($1, 'lake.' || $1, $2::text[], scheduling_policy => 'TRIGGERED', allow_file_diff => true)`,
      [target, key],
    );
    await lake.wait(update ?? '');
  }

  /** As the sidecar's role: the synced table's managers may do the same. */
  async function asOwner(sql: string): Promise<void> {
    await lake.admin.query(`begin; set local databricks_auth.allow_ddl = on; ${sql}; commit`);
  }

  it('follows changes under a foreign key, and keeps all rows when one that is referred to goes', async () => {
    const source = await lake.lake.createTable('k.users', columns, members);
    await follow('k.users', ['id']);
    await lake.admin.query(
      'create table public.tickets (user_id bigint constraint tickets_user_fk references k.users (id)); insert into public.tickets values (7), (8)',
    );
    await source.overwrite(`select org, id, 'new' || id as email from (${members}) where id <> 50`);
    expect(await lake.sync('k.users')).toMatchObject({ method: 'CHANGES', rows_written: '99', rows_deleted: '1' });
    await lake.expectEqual('k.users', source, names);

    await source.overwrite(`select org, id, 'newer' as email from (${members}) where id <> 7`);
    const refusal = await refusalOf(lake.sync('k.users'));
    expect(refusal).toMatchObject({ code: 'FOREIGN_KEY_REFERENCES_ROW', sqlState: '23503' });
    expect(refusal.message).toMatch(
      /foreign key tickets_user_fk of table public\.tickets .*; see failing_keys \(1 key\)\.$/,
    );
    expect(await lake.failingKeys('k.users')).toBe('7');
    expect(await lake.value(`select count(*) from k.users where email like 'new%' and email <> 'newer'`)).toBe('99');
    expect(await lake.status('k.users')).toMatchObject({
      synced_version: '1',
      state: 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
      last_error_code: 'FOREIGN_KEY_REFERENCES_ROW',
    });
    await lake.admin.query('delete from public.tickets where user_id = 7');
    expect(await lake.sync('k.users')).toMatchObject({ method: 'CHANGES' });
    await lake.expectEqual('k.users', source, names);
  });

  it('moves values between rows under a unique index, by changes and by a merge', async () => {
    const source = await lake.lake.createTable('k.members', columns, members);
    await follow('k.members', ['org', 'id']);
    await asOwner('create unique index members_email on k.members (org, email)');
    await source.overwrite(shifted);
    expect(await lake.sync('k.members')).toMatchObject({ method: 'CHANGES', rows_written: '100', rows_deleted: '0' });
    await lake.expectEqual('k.members', source, names);

    await lake.admin.query(
      'create table public.badges (org bigint, id bigint, foreign key (org, id) references k.members); insert into public.badges values (0, 3)',
    );
    await source.overwrite(members);
    expect(await lake.sync('k.members', true)).toMatchObject({ method: 'MERGE', rows_written: '100' });
    await lake.expectEqual('k.members', source, names);
    await source.overwrite(`${shifted} union all select 0, 200, 'mail200'`);
    expect(await lake.sync('k.members')).toMatchObject({ method: 'CHANGES', rows_written: '101' });
    await lake.expectEqual('k.members', source, names);
    expect(await lake.status('k.members')).toMatchObject({ row_count: '101' });
  });

  it('names the unique index that the rows of the source do not fit, and never lets a cascade take rows of others', async () => {
    const source = await lake.lake.createTable('k.twice', columns, members);
    await follow('k.twice', ['org', 'id']);
    await asOwner('create unique index twice_email on k.twice (org, email)');
    await source.overwrite(
      `select org, id, case when id in (3, 4) then 'doubled' else email end as email from (${members})`,
    );
    const refusal = await refusalOf(lake.sync('k.twice'));
    expect(refusal.code).toBe('INDEX_UNBUILDABLE');
    expect(refusal.message).toContain('k.twice_email');
    expect(refusal.message).toContain('same values in its columns; see failing_keys (2 keys).');
    expect(await lake.failingKeys('k.twice')).toBe('(0, 3), (0, 4)');
    expect(refusal.message).not.toContain('doubled');
    await lake.admin.query(
      'create table public.notes (org bigint, id bigint, foreign key (org, id) references k.twice on delete cascade); insert into public.notes values (0, 3)',
    );
    await source.overwrite(shifted);
    expect((await refusalOf(lake.sync('k.twice'))).message).toContain('a foreign key that acts on deletion');
    expect(await lake.value('select count(*) from public.notes')).toBe('1');
    await asOwner('drop index k.twice_email');
    await lake.sync('k.twice');
    await lake.expectEqual('k.twice', source, names);
  });

  it('writes values that only their bytes tell apart', async () => {
    const source = await lake.lake.createTable(
      'k.zero',
      { id: 'long', v: 'double' },
      'select i as id, 0.0 as v from range(3) t(i)',
    );
    await follow('k.zero', ['id']);
    await source.overwrite(`select i as id, '-0.0'::double as v from range(3) t(i)`);
    expect(await lake.sync('k.zero')).toMatchObject({ method: 'CHANGES', rows_written: '3' });
    expect(await lake.value('select distinct v::text from k.zero')).toBe('-0');
    await source.append(`select 3 as id, 1.0 as v`);
    expect(await lake.sync('k.zero')).toMatchObject({ rows_written: '1' });
  });
});
