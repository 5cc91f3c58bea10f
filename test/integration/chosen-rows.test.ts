import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';
import { refusalOf } from '../support/synced-table-fixture.js';

// Goal: a synced table with chosen columns and rows has those of its source and no others, in every mode, whatever the source
// does; and a choice that does not fit leaves no table.

const columns = { id: 'long', name: 'string', email: 'string', region: 'string', age: 'integer', at: 'long' } as const;
/** Ten people in EU and US by turns; ages are 0 to 9, that of 3 is unknown. */
const people = (from: number, to: number, age = 'i') =>
  `select i as id, 'n' || i as name, 'n' || i || '@x' as email, case when i % 2 = 0 then 'EU' else 'US' end as region,
          case when i = 3 then null else ${age} end as age, i as at from range(${from}, ${to}) t(i)`;

// What the server is does not matter here.
describe.each(postgresServers().slice(-1))('chosen columns and rows on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar({ pollSeconds: 1 });
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  async function create(target: string, choices: Readonly<Record<string, string>>, source = target): Promise<string> {
    const named = Object.entries(choices).map(([name, value]) => `, ${name} => ${value}`);
    const { rows } = await lake.admin.query<{ id: string }>(
      `select synced_tables.create_synced_table('${target}', 'lake.${source}', array['id']${named.join('')}) as id`,
    );
    return rows[0]?.id ?? '';
  }

  const columnsOf = (target: string) =>
    lake.value(`select string_agg(attname, ',' order by attnum) from pg_attribute
                 where attrelid = '${target}'::regclass and attnum > 0 and not attisdropped`);

  async function expectVerified(target: string, rows: number): Promise<void> {
    const id = await lake.value('select synced_tables.verify($1)', [target]);
    await lake.admin.query(`call synced_tables.wait_for_verification('${id}', interval '60 s')`);
    const { rows: found } = await lake.admin.query(
      `select state, source_rows::int, target_rows::int, missing_rows::int, extra_rows::int, different_rows::int, error_code
         from synced_tables.verifications where verification_id = '${id}'`,
    );
    const equal = { missing_rows: 0, extra_rows: 0, different_rows: 0, error_code: null };
    expect(found).toEqual([{ state: 'COMPLETED', source_rows: rows, target_rows: rows, ...equal }]);
  }

  it('copies the chosen columns of the chosen rows, and shows what was chosen', async () => {
    const source = await lake.lake.createTable('c.snapshot', columns, people(0, 10));
    await lake.wait(
      await create('c.snapshot', {
        columns: `array['name', 'id']`,
        row_filter: `$$ region = "EU" and age between 2 and 8 -- one region $$`,
      }),
    );
    expect(await columnsOf('c.snapshot')).toBe('id,name');
    await lake.expectEqual('c.snapshot', source, ['id', 'name'], `where region = 'EU' and age between 2 and 8`);
    expect(await lake.status('c.snapshot')).toMatchObject({
      columns: ['name', 'id'],
      row_filter: ' region = "EU" and age between 2 and 8 -- one region ',
      row_count: '4',
      state: 'SYNCED_TABLE_ONLINE_NO_PENDING_UPDATE',
    });
    await expectVerified('c.snapshot', 4);
    await source.append(people(10, 20, '5'));
    expect(await lake.sync('c.snapshot')).toMatchObject({ method: 'SNAPSHOT', rows_written: '9' });
    const message = (end: string) =>
      lake.value(`select count(*) from synced_tables.events where message like 'c.snapshot equals%' || $1`, [end]);
    expect(await message(' 9 rows written, read from 2 of 2 files, %kB.')).toBe('1');
    await source.append(people(20, 30, '0'));
    expect(await lake.sync('c.snapshot')).toMatchObject({ method: 'SNAPSHOT', rows_written: '9' });
    expect(await message(' 9 rows written, read from 2 of 3 files, %kB.')).toBe('1');
    await lake.expectEqual('c.snapshot', source, ['id', 'name'], `where region = 'EU' and age between 2 and 8`);
  });

  it('takes rows in and out as their values change, by changes', async () => {
    const source = await lake.lake.createTable('c.triggered', columns, people(0, 10));
    await lake.wait(
      await create('c.triggered', {
        columns: `array['id', 'name']`,
        row_filter: `'age >= 5'`,
        scheduling_policy: `'TRIGGERED'`,
        allow_file_diff: 'true',
      }),
    );
    const isEqual = () => lake.expectEqual('c.triggered', source, ['id', 'name'], 'where age >= 5');
    await isEqual();
    const put = (from: number, age: string) =>
      source.rewriteNewestFile(`* replace (case when id >= ${from} then ${age} else age end as age)`);
    await put(4, 'age - 4');
    expect(await lake.sync('c.triggered')).toMatchObject({ method: 'CHANGES', rows_deleted: '4', rows_written: '0' });
    await isEqual();
    await put(0, '6');
    await source.append(people(10, 14, 'null'));
    await source.append(people(14, 16, '7'));
    expect(await lake.sync('c.triggered')).toMatchObject({ method: 'CHANGES', rows_deleted: '0', rows_written: '11' });
    await isEqual();
    expect((await lake.status('c.triggered')).row_count).toBe('12');
    await expectVerified('c.triggered', 12);
  });

  it('is not copied again for many changes of rows that are not chosen', async () => {
    const source = await lake.lake.createTable('c.many', columns, people(0, 300));
    await lake.wait(
      await create('c.many', { row_filter: `'id < 20'`, scheduling_policy: `'TRIGGERED'`, allow_file_diff: 'true' }),
    );
    await source.append(people(300, 30_000));
    await source.append(people(10_000_000, 10_000_001));
    expect(await lake.sync('c.many')).toMatchObject({ method: 'CHANGES', rows_written: '0', rows_deleted: '0' });
    expect((await lake.status('c.many')).row_count).toBe('20');
  });

  it('filters before it chooses the latest row of a key, by a column that it does not have', async () => {
    const source = await lake.lake.createTable(
      'c.latest',
      columns,
      `select i % 5 as id, 'n' || i as name, '' as email, case when i < 10 then 'EU' else 'US' end as region, 1 as age, i as at
         from range(15) t(i)`,
    );
    await lake.wait(
      await create('c.latest', {
        columns: `array['id', 'name']`,
        row_filter: `$$region = 'EU'$$`,
        timeseries_key: `'at'`,
        scheduling_policy: `'TRIGGERED'`,
        allow_file_diff: 'true',
      }),
    );
    const names = () => lake.value(`select string_agg(name, ',' order by id) from c.latest`);
    expect(await columnsOf('c.latest')).toBe('id,name');
    expect(await names()).toBe('n5,n6,n7,n8,n9');
    // Of id 0 the latest row is of another region, of id 1 it goes over to it, of id 2 it comes.
    await source.append(`select 0 as id, 'us' as name, '' as email, 'US' as region, 1 as age, 99 as at`);
    await source.deleteWhere(`name = 'n6'`);
    await source.append(`select 1 as id, 'gone' as name, '' as email, 'US' as region, 1 as age, 6 as at`);
    await source.append(`select 2 as id, 'new' as name, '' as email, 'EU' as region, 1 as age, 50 as at`);
    expect(await lake.sync('c.latest')).toMatchObject({ method: 'CHANGES' });
    expect(await names()).toBe('n5,n1,new,n8,n9');
    await expectVerified('c.latest', 5);
  });

  it('follows the chosen rows, past new columns, until it loses one that it filters by', async () => {
    const source = await lake.lake.createTable('c.followed', columns, people(0, 10), {
      'delta.enableChangeDataFeed': 'true',
    });
    await lake.wait(
      await create('c.followed', {
        columns: `array['id', 'name']`,
        row_filter: `'age >= 5'`,
        scheduling_policy: `'CONTINUOUS'`,
      }),
    );
    const isAt = async (version: number) => (await lake.status('c.followed')).synced_version === String(version);
    await source.rewriteWithFeed(
      people(0, 10, '9 - i'),
      `select *, 'update_preimage' as _change_type from (${people(0, 10)})
       union all select *, 'update_postimage' from (${people(0, 10, '9 - i')})`,
    );
    await eventually(() => isAt(source.version), 'the changes arrive', 30_000);
    await lake.expectEqual('c.followed', source, ['id', 'name'], 'where age >= 5');
    expect((await lake.status('c.followed')).row_count).toBe('4');
    source.changeColumns({ ...columns, extra: 'string' });
    const { email: _, ...withoutEmail } = columns;
    source.changeColumns({ ...withoutEmail, extra: 'string' });
    await source.append(`select 50 as id, 'n50' as name, 'EU' as region, 50 as age, 0 as at, 'x' as extra`);
    await eventually(() => isAt(source.version), 'the row after them arrives', 30_000);
    expect(await columnsOf('c.followed')).toBe('id,name');
    await lake.expectEqual('c.followed', source, ['id', 'name'], 'where age >= 5');
    expect(await lake.value(`select count(*) from synced_tables.events where event_type = 'change_feed_wrong'`)).toBe(
      '0',
    );

    const { age: _age, ...withoutAge } = withoutEmail;
    source.changeColumns(withoutAge);
    await eventually(async () => (await lake.status('c.followed')).last_error_code !== null, 'it stops', 30_000);
    expect(await lake.status('c.followed')).toMatchObject({
      last_error_code: 'CHOSEN_COLUMN_CHANGED',
      state: 'SYNCED_TABLE_ONLINE_PIPELINE_FAILED',
      message: expect.stringContaining('"age" of source table lake.c.followed'),
    });
    expect(await lake.value('select count(*) from c.followed')).toBe('5');
  });

  it('refuses a choice that does not fit, and leaves no table', async () => {
    await lake.lake.createTable('c.refused', columns, people(0, 10));
    const refusals: [choices: Record<string, string>, code: string, message: RegExp][] = [
      [{ columns: `array[]::text[]` }, 'COLUMNS_INVALID', /: none is named\.$/],
      [{ columns: `array['id', 'name', 'name']` }, 'COLUMNS_INVALID', /: column "name" is named twice\.$/],
      [{ columns: `array['id', null]` }, 'COLUMNS_INVALID', /a name is empty/],
      [{ columns: `array['name']` }, 'COLUMNS_WITHOUT_KEY', /"id" is in the primary key/],
      [{ columns: `array['id', 'Name']` }, 'CHOSEN_COLUMN_NOT_FOUND', /no column "Name".*id, name, email/],
      [{ row_filter: `' '` }, 'ROW_FILTER_INVALID', /: it is empty\.$/],
      [{ row_filter: `'agee > 1'` }, 'ROW_FILTER_INVALID', /no column "agee" \(at character 1\)\.$/],
      [{ row_filter: `'age > now()'` }, 'ROW_FILTER_INVALID', /no function now .* \(at character 7\)\.$/],
      [{ row_filter: `'age in (select 1)'` }, 'ROW_FILTER_INVALID', /a subquery cannot be part of it/],
      [{ row_filter: `'age > '` }, 'ROW_FILTER_INVALID', /syntax error at end of input \(at character 7\)\.$/],
      [{ row_filter: `'age'` }, 'ROW_FILTER_INVALID', /it gives integer, not true or false\.$/],
    ];
    for (const [choices, code, message] of refusals) {
      const refusal = await refusalOf(create('c.refused', choices).then((id) => lake.wait(id)));
      expect(refusal, JSON.stringify(choices)).toMatchObject({ code, message: expect.stringMatching(message) });
    }
    expect(await lake.value(`select count(*) from synced_tables._tables where table_name = 'refused'`)).toBe('0');
    expect(await lake.value(`select to_regclass('c.refused')`)).toBe(null);
  });

  it('says that the filter fails on rows, without a value of them, and how to mend it', async () => {
    const source = await lake.lake.createTable('c.failing', columns, people(0, 10));
    const choices = { row_filter: `'cast(replace(name, "n", "") as int) >= 4'`, scheduling_policy: `'TRIGGERED'` };
    await lake.wait(await create('c.failing', { ...choices, allow_file_diff: 'true' }));
    expect(await lake.value('select count(*) from c.failing')).toBe('6');
    await source.append(`select 77 as id, 'secret' as name, '' as email, 'EU' as region, 1 as age, 0 as at`);
    const refusal = await refusalOf(lake.wait(await lake.requestSync('c.failing')));
    expect(refusal).toMatchObject({
      code: 'ROW_FILTER_FAILED',
      hint: expect.stringContaining('try_cast'),
      message:
        'The row filter of synced table c.failing cannot be computed for some rows of source table lake.c.failing: a text cannot be converted to INT32.',
    });
    expect(await lake.value('select count(*) from c.failing')).toBe('6');
    const copied = await refusalOf(lake.wait(await lake.requestSync('c.failing', true)));
    expect(copied.code).toBe('ROW_FILTER_FAILED');
  });
});
