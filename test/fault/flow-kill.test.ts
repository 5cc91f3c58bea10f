import { describe, expect, it } from 'vitest';
import { postgresServers } from '../support/postgres.js';
import { eventually, SyncedLake } from '../support/synced-lake.js';

// Goal: a sidecar that is killed while it applies a batch, or right after, applies nothing twice and loses nothing.

const [server] = postgresServers().slice(-1);
if (server === undefined) throw new Error('no server');

const EXPECTED = ['1 c 5 ', '1 b 2 4', '2 x 1 '].sort();

describe(`killed sidecars on ${server.name}`, () => {
  it.each([
    ['before its batch commits', 'synced_tables._cdc_targets', 'where true'],
    ['after its batch has committed', 'synced_tables._updates', `where state = 'RUNNING'`],
  ])('%s', async (when, table, where) => {
    await using lake = await SyncedLake.create(server);
    const { admin } = lake;
    await admin.query('create table public.events (id int, v text, op text, seq bigint)');
    await admin.query(`select synced_tables.create_streaming_table('public.history')`);
    await admin.query(`select synced_tables.apply_changes('public.history', 'public.events', array['id'], 'seq',
      apply_as_deletes => 'op = "D"', except_column_list => array['op', 'seq'], stored_as_scd_type => 2)`);
    const first = await lake.spawnSidecar({ leaseSeconds: 2, pollSeconds: 0.2 });
    await admin.query(`insert into public.events values (1, 'b', 'U', 2), (2, 'x', 'U', 1)`);
    await lake.sync('public.history');
    await admin.query(`insert into public.events values (1, null, 'D', 4), (1, 'c', 'U', 5), (1, 'b', 'U', 2)`);
    const holder = await lake.database.connect();
    const isBlocked = async () =>
      (await lake.value(
        `select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
      )) !== '0';
    await holder.query('begin');
    let update: string;
    if (table.endsWith('_updates')) {
      // Its batch waits until its row of the queue is locked too: then the end cannot be written.
      const gate = await lake.database.connect();
      await gate.query('begin; select from synced_tables._cdc_targets for update');
      update = await lake.requestSync('public.history');
      await eventually(isBlocked, 'the batch waits');
      await holder.query(`select from ${table} ${where} for update`);
      await gate.query('commit');
      await eventually(
        async () => (await lake.value('select commit_version from synced_tables._cdc_targets')) === '2',
        'the batch commits',
      );
      await eventually(isBlocked, 'its end waits');
    } else {
      await holder.query(`select from ${table} ${where} for update`);
      update = await lake.requestSync('public.history');
      await eventually(isBlocked, `the batch waits ${when}`);
    }
    await first.kill();
    // What waits for a lock does not notice that nobody waits for its answer.
    await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity
                        where datname = current_database() and application_name like 'synced-tables sidecar%'`);
    await holder.query('commit');
    await lake.spawnSidecar({ leaseSeconds: 2, pollSeconds: 0.2 });
    await lake.wait(update);
    const rows = await lake.rows('public.history', ['id', 'v', '"__START_AT"', `coalesce("__END_AT"::text, '')`]);
    expect(rows.map((row) => row.join(' ')).sort()).toEqual(EXPECTED);
    expect(await lake.update(update)).toMatchObject({
      state: 'COMPLETED',
      num_upserted_rows: '2',
      num_deleted_rows: '0',
      attempt: 2,
    });
    expect(await lake.value('select count(*) from synced_tables.table_changes($1, 2, 2)', ['public.history'])).toBe(
      '3',
    );
  });
});
