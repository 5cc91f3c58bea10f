import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: a long transaction of a reader holds up at most the sync, is named with process, user and time, and no other
// reader waits behind the sync.

const columns = { id: 'long', v: 'long' };

describe.each(postgresServers())('readers of a TRIGGERED table on $name', (server) => {
  let lake: SyncedLake;
  beforeAll(async () => {
    lake = await SyncedLake.create(server);
    await lake.startSidecar();
  });
  afterAll(() => lake?.[Symbol.asyncDispose]());

  async function follow(target: string) {
    const source = await lake.lake.createTable(target, columns, 'select i as id, 0 as v from range(10) t(i)');
    const update = await lake.value(
      `select synced_tables.create_synced_table($1, 'lake.' || $1, array['id'], scheduling_policy => 'TRIGGERED', allow_file_diff => true)`,
      [target],
    );
    await lake.wait(update ?? '');
    return source;
  }

  async function holdOpen(target: string) {
    const role = await lake.database.createRole('analyst', 'databricks_superuser');
    const holder = await lake.database.connectAs(role);
    await holder.query(`set application_name = 'a long report'`);
    await holder.query(`begin; select count(*) from ${target}`);
    return { holder, role };
  }

  it('do not keep changes from being applied', async () => {
    const source = await follow('w.plain');
    const { holder } = await holdOpen('w.plain');
    await source.overwrite('select i as id, 1 as v from range(1, 11) t(i)');
    expect(await lake.sync('w.plain')).toMatchObject({ method: 'CHANGES', rows_deleted: '1' });
    expect((await holder.query('select distinct v from w.plain')).rows).toEqual([{ v: '1' }]);
    await holder.query('commit');
  });

  it('hold up a new column, are named meanwhile, and keep nobody else from reading', async () => {
    const source = await follow('w.evolves');
    const { holder, role } = await holdOpen('w.evolves');
    source.changeColumns({ ...columns, note: 'string' });
    await source.append(`select 20 as id, 2 as v, 'n' as note`);
    const update = await lake.requestSync('w.evolves');
    const reader = await lake.database.connect();
    // Far longer than one request of the sync for its lock, far shorter than the wait of the sync.
    await reader.query(`set lock_timeout = '5s'`);
    let message = '';
    await eventually(async () => {
      await reader.query('select count(*) from w.evolves');
      message = (await lake.status('w.evolves')).message ?? '';
      return message.startsWith('Waits for ');
    }, 'it is told who is in the way');
    const { rows } = await lake.admin.query<{ pid: number }>(
      `select pid from pg_stat_activity where application_name = 'a long report' and datname = current_database()
          and state = 'idle in transaction'`,
    );
    // The reader's own query may have been under way at that moment.
    expect(message).toMatch(
      new RegExp(
        `^Waits for the end of transactions that hold w\\.evolves: ${rows[0]?.pid} \\(\\w+ a long report, last query began \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC\\)(, \\d+ \\(\\w+ test, [^)]+\\))?\\.$`,
      ),
    );
    expect(role).toMatch(/^analyst_/);
    expect((await lake.update(update)).state).toBe('RUNNING');
    await holder.query('commit');
    await lake.wait(update);
    await lake.expectEqual('w.evolves', source, ['id', 'v', 'note']);
    expect((await lake.status('w.evolves')).message).not.toContain('Waits');
  });

  it.each([
    ['held', 'lock table w.held in share mode'],
    // As administrators may, who correct a row.
    ['corrected', 'update w.corrected set v = v where id = 3'],
  ])(
    'are named while they hold the table or a row, long before the wait for them gives up: w.%s',
    async (name, lock) => {
      const target = `w.${name}`;
      const source = await follow(target);
      const holder = await lake.database.connect();
      await holder.query(`set application_name = 'a long report'; set databricks_auth.allow_ddl = on; begin`);
      await holder.query(lock);
      await source.rewriteNewestFile('id, id % 2 as v');
      const update = await lake.requestSync(target);
      const told = async () => (await lake.status(target)).message?.includes('a long report') === true;
      await eventually(told, 'it is told who is in the way', 25_000);
      expect(await lake.update(update)).toMatchObject({ state: 'RUNNING', attempt: 1 });
      const events = `synced_tables.events where update_id = '${update}' and event_type = 'table_sync_blocked'`;
      await eventually(async () => (await lake.rows(events, ['level'])).length > 0, 'an event tells it too');
      expect(await lake.rows(events, ['level', 'message'])).toEqual([
        ['WARN', expect.stringMatching(/^Waits for the end of transactions that hold w\.\w+: \d+ \(\w+ a long report/)],
      ]);
      await holder.query('rollback');
      await lake.wait(update);
      await lake.expectEqual(target, source, ['id', 'v']);
      expect((await lake.status(target)).message).toBe(`Equal to lake.${target} at version 1.`);
    },
  );
});
