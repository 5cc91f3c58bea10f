import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eitherPostgresServer } from '../support/postgres.js';
import { runCli } from '../support/run-cli.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: whoever writes to a synced table by hand is told of at once, in whatever way he does it; nothing calls the table
// equal to its source then; and the next update makes it equal again, in every policy, with whatever was written meanwhile.

const columns = { id: 'long', v: 'long' } as const;
const rows = 'select i as id, i as v from range(100) t(i)';

interface Marked {
  readonly at: string | null;
  readonly by: string | null;
  readonly message: string | null;
}

describe.each(eitherPostgresServer(import.meta.url))('writes by hand on $name', (server) => {
  let lake: SyncedLake;
  /** A superuser's own session. */
  let person: pg.Client;
  let me: string;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar({ pollSeconds: 1 });
    person = await lake.database.connect();
    me = (await lake.value('select current_user')) ?? '';
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  async function marked(name: string): Promise<Marked> {
    const { rows: found } = await lake.admin.query<Marked>(
      'select changed_by_hand_at::text as at, changed_by_hand_by as by, message from synced_tables.status where synced_table = $1',
      [name],
    );
    return found[0] ?? { at: null, by: null, message: 'it is not there' };
  }

  const marks = (name: string) =>
    lake.value(
      'select count(*) from synced_tables._hand_writes join synced_tables._tables using (table_id) where synced_table = $1',
      [name],
    );

  const isEqual = { at: null, by: null, message: expect.stringMatching(/^Equal to lake\./) };
  const isChanged = () => ({
    at: expect.any(String),
    by: me,
    message: expect.stringMatching(
      /^Changed by hand since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC by .+, so it may differ from its source; the next update mends that\.$/,
    ),
  });
  const partitionOf = (name: string) => lake.value('select databricks_auth.sole_partition($1)::text', [name]);

  it('are noticed at once in every way to write, and mended by the next update', async () => {
    const source = await lake.lake.createTable('h.ways', columns, rows);
    await lake.load('h.ways');
    const keeper = await lake.database.createRole('keeper', 'databricks_superuser');
    const part = await partitionOf('h.ways');
    await person.query('create schema app; create view app.ways as select * from h.ways');
    const override = (sql: string) => `set databricks_auth.allow_ddl = on; ${sql}; reset databricks_auth.allow_ddl`;
    const ways: [command: string, sql: string][] = [
      ['INSERT', 'insert into h.ways values (1000, 1)'],
      ['UPDATE', 'update h.ways set v = -1 where id = 1'],
      ['DELETE', 'delete from h.ways where id = 2'],
      [
        'INSERT',
        'merge into h.ways t using (values (3, 3), (1001, 1)) s (id, v) on t.id = s.id when matched then delete when not matched then insert values (s.id, s.v)',
      ],
      ['INSERT', 'insert into app.ways values (1002, 2)'],
      [
        'INSERT',
        `create function app.f() returns void language sql as 'insert into h.ways values (1003, 3)'; select app.f()`,
      ],
      [
        'UPDATE',
        override(
          'set session_replication_role = replica; update h.ways set v = -2 where id = 4; reset session_replication_role',
        ),
      ],
      ['INSERT', override(`insert into ${part} values (1004, 4)`)],
      ['TRUNCATE', override('truncate h.ways')],
    ];
    for (const [command, sql] of ways) {
      expect(await marked('h.ways')).toMatchObject(isEqual);
      await person.query(sql);
      expect({ sql, ...(await marked('h.ways')) }).toMatchObject({ sql, ...isChanged() });
      expect({ sql, command: await lake.value('select command from synced_tables._hand_writes') }).toEqual({
        sql,
        command,
      });
      if (command !== 'TRUNCATE') await lake.admin.query('delete from synced_tables._hand_writes');
    }
    const mended = { method: 'SNAPSHOT', rows_written: '100', message: 'it was changed by hand' };
    expect(await lake.sync('h.ways')).toMatchObject(mended);
    await lake.expectEqual('h.ways', source, ['id', 'v']);
    // From here on nobody would notice who writes.
    const gates: [command: string, sql: string, outcome: string][] = [
      [
        'write gate switched off',
        'alter table h.ways disable trigger databricks_write_guard',
        'databricks_write_guard of h.ways is switched off',
      ],
      [
        'write gate dropped',
        'drop trigger databricks_write_guard on h.ways',
        'databricks_write_guard of h.ways is missing',
      ],
      [
        'write gate switched off',
        `alter table ${await partitionOf('h.ways')} disable trigger databricks_write_guard`,
        `databricks_write_guard of ${await partitionOf('h.ways')} is switched off`,
      ],
    ];
    for (const [command, sql, damage] of gates) {
      await person.query(override(sql));
      expect({ sql, ...(await marked('h.ways')) }).toMatchObject({ sql, ...isChanged() });
      expect({ sql, command: await lake.value('select command from synced_tables._hand_writes') }).toEqual({
        sql,
        command,
      });
      await lake.admin.query('delete from synced_tables._hand_writes');
      const outcome = () => lake.value(`select outcome from synced_tables.repair() where object = 'h.ways'`);
      expect(await outcome()).toBe(
        `write gate mended: ${damage}; what was written meanwhile is not known, so the next update copies all rows`,
      );
      expect(await lake.value('select command from synced_tables._hand_writes')).toMatch(/^write gate /);
      expect(await outcome()).toBe('ok');
      await lake.admin.query('delete from synced_tables._hand_writes');
    }
    // COPY, by a member of databricks_superuser.
    await person.query(`set role ${keeper}`);
    await person.query('insert into h.ways values (1005, 5); update h.ways set v = 0 where id = 5');
    await person.query('reset role');
    expect(await marked('h.ways')).toMatchObject({ ...isChanged(), by: keeper });
    expect(await marks('h.ways')).toBe('1');
    const told = await lake.value(
      `select string_agg(message, '|') from synced_tables.events where event_type = 'synced_table_changed_by_hand' and message like '${keeper} %'`,
    );
    expect(told).toBe(`${keeper} changed synced table h.ways by hand (INSERT). The next update copies all rows again.`);
    await lake.sync('h.ways');
    expect(await marked('h.ways')).toMatchObject(isEqual);
  });

  it('leave no trace if they are rolled back, and none where nobody may write', async () => {
    await lake.lake.createTable('h.rolled', columns, rows);
    await lake.load('h.rolled');
    await person.query('begin; delete from h.rolled; rollback');
    const reader = await lake.database.createRole('reader');
    await person.query(`grant usage on schema h to ${reader}; grant all on h.rolled to ${reader}`);
    await person.query(`set role ${reader}`);
    expect(await refusalOf(person.query('delete from h.rolled'))).toMatchObject({
      sqlState: '25006',
      hint: expect.stringMatching(/^Change the source table instead; .*add_manager/),
    });
    await person.query('reset role');
    expect(await refusalOf(person.query('truncate h.rolled'))).toMatchObject({
      sqlState: '25006',
      hint: 'A superuser can go on after SET databricks_auth.allow_ddl = on; the next update brings the rows of the source back.',
    });
    expect(await marked('h.rolled')).toMatchObject(isEqual);
    // Whoever has the login of a sidecar is no sidecar.
    const login = await lake.database.createRole('login', 'databricks_sync');
    await person.query(
      `grant usage on schema h to ${login}; set role ${login}; delete from h.rolled where id = 1; reset role`,
    );
    expect(await marked('h.rolled')).toMatchObject({ ...isChanged(), by: login });
  });

  it('are mended in TRIGGERED tables, also behind a foreign key, where rows are compared', async () => {
    const source = await lake.lake.createTable('h.keyed', columns, rows);
    await lake.load('h.keyed', { policy: 'TRIGGERED' });
    await person.query(
      'insert into h.keyed values (1000, 1); delete from h.keyed where id = 7; update h.keyed set v = -1 where id = 8',
    );
    await source.append('select i as id, i as v from range(100, 103) t(i)');
    expect(await lake.sync('h.keyed')).toMatchObject({ method: 'SNAPSHOT', rows_written: '103' });
    await lake.expectEqual('h.keyed', source, ['id', 'v']);
    expect(await marked('h.keyed')).toMatchObject(isEqual);
    await person.query(
      'create table app.refers (id bigint references h.keyed); insert into app.refers values (9); insert into h.keyed values (1000, 1); delete from h.keyed where id = 10',
    );
    expect(await lake.sync('h.keyed')).toMatchObject({ method: 'MERGE', rows_written: '1', rows_deleted: '1' });
    await lake.expectEqual('h.keyed', source, ['id', 'v']);
    expect(await marked('h.keyed')).toMatchObject(isEqual);
    expect(await lake.sync('h.keyed')).toMatchObject({ method: 'UNCHANGED' });
  });

  it('are mended in a followed table by its next commit, and by asking; and are not overlooked if they come while it merges', async () => {
    const source = await lake.lake.createTable('h.followed', columns, rows);
    await lake.load('h.followed', { policy: 'CONTINUOUS' });
    const isFollowed = async () => (await lake.status('h.followed')).state === 'SYNCED_TABLE_ONLINE_CONTINUOUS_UPDATE';
    await eventually(isFollowed, 'it is followed');
    await person.query('insert into h.followed values (1000, 1)');
    expect(await marked('h.followed')).toMatchObject(isChanged());
    await source.append('select 200 as id, 0 as v');
    await eventually(async () => (await marked('h.followed')).at === null, 'the commit mends it');
    await lake.expectEqual('h.followed', source, ['id', 'v']);
    await person.query('delete from h.followed where id < 50');
    await lake.sync('h.followed');
    await lake.expectEqual('h.followed', source, ['id', 'v']);
    // A second write joins the mark of the first, and is under way while the copy behind the foreign key forgets marks.
    await person.query(
      'create table app.follows (id bigint references h.followed); insert into h.followed values (1001, 1)',
    );
    await eventually(isFollowed, 'it is followed again');
    await person.query('begin; insert into h.followed values (1002, 1)');
    await lake.sync('h.followed');
    await person.query('commit');
    expect(await marked('h.followed')).toMatchObject(isChanged());
    await lake.sync('h.followed');
    await lake.expectEqual('h.followed', source, ['id', 'v']);
    expect(await marked('h.followed')).toMatchObject({ at: null });
  });

  it('explain what a comparison finds, and are told by doctor and CLI', async () => {
    await lake.lake.createTable('h.told', columns, rows);
    await lake.load('h.told');
    const verify = (sql: string) =>
      lake.admin.query(`call synced_tables.wait_for_verification(synced_tables.verify('${sql}'))`);
    await verify('h.told');
    await person.query('delete from h.told where id = 1');
    expect(await refusalOf(verify('h.told'))).toMatchObject({
      code: 'TABLE_CHANGED_BY_HAND',
      message: expect.stringMatching(
        /^Synced table h\.told differs from lake\.h\.told at the version it reflects, for it was changed by hand since .+ UTC, first by .+: rows missing here: 1, not in the source: 0, with other values: 0\.$/,
      ),
    });
    const environment = { DATABASE_URL: lake.database.url, SYNCED_TABLES_LAKE: lake.lake.root };
    const list = await runCli(['list'], environment);
    expect(list.stdout).toMatch(/h\.told .*SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE, changed by hand/);
    const doctor = await runCli(['doctor'], environment);
    expect(doctor.stdout).toContain('TABLE_CHANGED_BY_HAND');
    const sync = await runCli(['sync', 'h.told'], environment);
    expect(sync.end).toBe(0);
    await verify('h.told');
    // What acts as the sidecar's role itself cannot be told from a sidecar.
    await person.query('set role databricks_sync; delete from h.told where id = 1; reset role');
    expect(await refusalOf(verify('h.told'))).toMatchObject({ code: 'TABLES_DIFFER' });
  });
});
